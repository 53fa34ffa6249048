"""What comes back from PostgREST, or does not: as a result, a Refusal or Unreachable."""

from collections.abc import Awaitable
from typing import TypeVar

import httpx
from postgrest import APIError

from app.verdicts import Refusal, Unreachable

Result = TypeVar("Result")


async def raise_refusal(response: httpx.Response) -> None:
    """A response hook, because postgrest's APIError drops the HTTP status and the headers."""
    if not response.is_error:
        return
    await response.aread()
    said = _json_or_none(response)
    told = said if isinstance(said, dict) else {}
    code, message = told.get("code"), told.get("message")
    raise Refusal(
        response.status_code,
        code if isinstance(code, str) else None,
        message if isinstance(message, str) else None,
        response.headers.get("content-range"),
    )


async def translated(call: Awaitable[Result]) -> Result:
    """The call's result; its failures in our own words."""
    try:
        return await call
    except httpx.HTTPError as error:
        # Only the kind: the text may quote the URL, and with it a caller's filter.
        raise Unreachable(type(error).__name__) from error
    except APIError as error:
        raise Unreachable("the answer is not PostgREST's") from error


def read_json(response: httpx.Response) -> object:
    """The body. Raises Unreachable where it is none of PostgREST's."""
    try:
        return response.json()
    except ValueError as error:
        raise Unreachable("the answer is not JSON") from error


def _json_or_none(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
