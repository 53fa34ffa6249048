"""Reads the fields of a form that a page of this service submits."""

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from app.problems import problem
from app.web.body import read_body, require_form


async def read_form(request: Request[Any], *names: str) -> dict[str, str]:
    """The first value of each field; fields without a value are left out. `names` are those of the form.

    Values are trimmed, but for a password.
    """
    require_form(request.headers)
    body = (await read_body(request, request.state["form_bodies"])).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, max_num_fields=10)
    except ValueError:
        known = " and ".join(f"`{name}`" for name in names)
        raise problem("parameter", f"The form has fields other than {known}.") from None
    return {name: values[0] if name == "password" else values[0].strip() for name, values in fields.items()}
