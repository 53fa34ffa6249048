"""Protection against cross-site request forgery (CSRF): where a form comes from, and the token in its hidden field."""

from typing import Any

from starlette.requests import Request

from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.session import Reader, session_id_of


def form_token(request: Request[Any], reader: Reader | None) -> str:
    """The value of the field form_token of each form on a page for this reader."""
    return ""


async def read_own_form(request: Request[Any], reader: Reader | None, *names: str) -> dict[str, str]:
    """The fields of a form of this service's pages, without form_token. Raises the Problem `forbidden`."""
    require_own_form(request, has_session=session_id_of(request) is not None)
    return await read_form(request, *names)
