"""Protection against cross-site request forgery (CSRF): where a form comes from, and the token in its hidden field."""

import base64
import hashlib
import hmac
import secrets
from typing import Any

from starlette.requests import Request

from app.keys import derive_key
from app.problems import problem
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.session import Reader, visitor_id

FIELD = "form_token"
_FOREIGN = "The form belongs to another session, or the browser keeps no cookies. Open its page again."


def form_token(request: Request[Any], reader: Reader | None) -> str:
    """The value of the field form_token of each form on a page for this reader. It is valid as long as the session.

    Another text each time: from the lengths of compressed pages that also contain a text of the attacker's choice,
    the token could be guessed (BREACH).
    """
    if reader is not None and reader.form_key is None:
        return ""
    expected = _digest(request, reader)
    pad = secrets.token_bytes(len(expected))
    return base64.urlsafe_b64encode(pad + _xor(pad, expected)).decode()


async def read_own_form(request: Request[Any], reader: Reader | None, *names: str) -> dict[str, str]:
    """The fields of a form of this service's pages, without form_token. Raises the Problem `forbidden`.

    A program that sends a bearer token needs no form_token: no other site can make a browser send one. Basic
    credentials do not count, because a browser adds them by itself.
    """
    form = await read_form(request, *names, FIELD)
    check_own_form(request, reader, form)
    return form


def check_own_form(request: Request[Any], reader: Reader | None, form: dict[str, str]) -> None:
    """The same for a form that was read already: takes out form_token."""
    token = form.pop(FIELD, "")
    if reader is not None and reader.form_key is None:
        return
    require_own_form(request, has_session=reader is not None)
    if not _is_token_of(request, reader, token):
        raise problem("forbidden", _FOREIGN)


def _is_token_of(request: Request[Any], reader: Reader | None, token: str) -> bool:
    try:
        given = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return False
    expected = _digest(request, reader)
    pad, masked = given[: len(expected)], given[len(expected) :]
    return len(masked) == len(expected) and hmac.compare_digest(_xor(pad, masked), expected)


def _digest(request: Request[Any], reader: Reader | None) -> bytes:
    owner = f"visitor {visitor_id(request)}" if reader is None else str(reader.form_key)
    key = derive_key(request.state["settings"].supabase_secret_key, "tokens of forms")
    return hmac.digest(key, owner.encode(errors="replace"), hashlib.sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
