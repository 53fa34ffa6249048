"""GET and POST /sign-in and POST /sign-out: users of Supabase Auth, and the operator for emergencies."""

import re
from urllib.parse import unquote

from starlette.responses import RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.supabase.auth import WRONG_PASSWORD, AuthRefusedError
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.auth import client_address, client_of
from app.web.csrf import form_token, read_own_form
from app.web.origin import require_own_form
from app.web.page import page_response
from app.web.problem_page import problem_page
from app.web.session import Reader, end_session, read_reader, reader_with, start_session, start_user_session

# Failed attempts in 15 minutes. An e-mail address alone has a high limit: whoever knows it could lock its owner out.
_OF_A_CLIENT = 30
_OF_A_CLIENT_AT_AN_EMAIL = 10
_AT_AN_EMAIL = 100
_EMAIL_LENGTH = 320
_PASSWORD_LENGTH = 1_000
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,60}")
# The pages to which a sign-in may lead. Visible ASCII without \, which browsers read as /; no empty segment.
_PAGE = re.compile(r"/(?:status|incidents|targets)(?:/[!\"$-.0-;=@-\[\]-~]+)*(?:\?[!-\[\]-~]*)?")
_TARGET_LENGTH = 2_000

WRONG_TOKEN = "That token is not accepted: it is wrong or has expired."  # noqa: S105 - a sentence


async def sign_in(request: ServiceRequest) -> Response:
    """The form. POST starts a session and leads back to the page in `next`; a refusal shows the form again."""
    if request.method != "POST":
        return await _show_form(request, {"next": request.query_params.get("next", "")})
    form: dict[str, str] = {}
    try:
        form |= await read_own_form(request, None, "email", "password", "token", "name", "next")
        if "token" in form:
            start_session(request, await _reader_with_token(request, form))
        else:
            await _sign_in_user(request, form.get("email", ""), form.get("password", ""))
    except Problem as refused:
        return await _show_form(request, form, refused)
    return RedirectResponse(page_after(form.get("next", "")), 303)


async def sign_out(request: ServiceRequest) -> Response:
    """End the session, which a copy of its cookies does not outlive."""
    reader = None
    try:
        reader = await read_reader(request)
        if reader is not None:
            await read_own_form(request, reader)
    except Problem as refused:
        if refused.code not in ("unauthorized", "unavailable"):
            return await problem_page(request, refused, reader=reader)
    if reader is None:  # the session cannot be read now, so that no token of a form can be verified
        try:
            require_own_form(request, has_session=True)
        except Problem as refused:
            return await problem_page(request, refused)
    await end_session(request, reader)
    return RedirectResponse("status", 303)


def page_after(target: str) -> str:
    """The relative reference to the page of this service that `target` is the path of, else to the status page.

    It begins with ./ so that no browser reads it as another host or scheme.
    """
    path = target.partition("?")[0]
    is_page = len(target) <= _TARGET_LENGTH and _PAGE.fullmatch(target) is not None
    has_dots = any(unquote(segment) in (".", "..") for segment in path.split("/"))
    return f".{target}" if is_page and not has_dots else "./status"


async def _sign_in_user(request: ServiceRequest, email: str, password: str) -> None:
    if not email or not password:
        raise problem("parameter", "Type your e-mail address and your password.")
    client = client_of(client_address(request))
    # Supabase Auth ignores case, character by character: str.lower() makes two of the capital I with a dot.
    address = "".join(each.lower()[0] for each in email[: _EMAIL_LENGTH + 1])
    limits = {
        f"client {client}": _OF_A_CLIENT,
        f"client {client} e-mail {address}": _OF_A_CLIENT_AT_AN_EMAIL,
        f"e-mail {address}": _AT_AN_EMAIL,
    }
    attempts = request.state["attempts"]
    attempts.begin(limits)
    try:
        if len(email) > _EMAIL_LENGTH or len(password) > _PASSWORD_LENGTH:
            raise AuthRefusedError(WRONG_PASSWORD)
        tokens = await request.state["auth"].sign_in(email, password)
    except AuthRefusedError as refused:
        raise problem("unauthorized", str(refused)) from None
    except Problem as error:
        if error.code != "rate-limited":
            attempts.forgive(limits)
        raise
    attempts.forgive(limits)
    start_user_session(request, tokens)


async def verify_token(request: ServiceRequest, token: str) -> Reader:
    """The operator, or a user with an access token, which only the database can verify.

    Raises the Problem `unauthorized` for any other token, and `rate-limited` if this client has sent too many of those.
    """
    limits = {f"client {client_of(client_address(request))}": _OF_A_CLIENT}
    attempts = request.state["attempts"]
    attempts.begin(limits)
    reader = reader_with(token, request.state["settings"].operator_token)
    if reader is None:
        raise problem("unauthorized", WRONG_TOKEN)
    if not reader.is_operator:
        try:
            await request.state["supabase"].status("status_page", reader.access_token)
        except SupabaseError as error:
            if reader.is_refused(error):
                raise problem("unauthorized", WRONG_TOKEN) from error
            attempts.forgive(limits)
            raise problem_of_reader(error) from error
    attempts.forgive(limits)
    return reader


async def _reader_with_token(request: ServiceRequest, form: dict[str, str]) -> Reader:
    """The reader with this token; the operator under the name that was typed."""
    reader = await verify_token(request, form["token"])
    if not reader.is_operator:
        return reader
    name = form.get("name", "")
    if _NAME.fullmatch(name) is None:
        raise problem("parameter", "Type your name, 1 to 60 characters: the audit trail says who acted.")
    return Reader(None, name)


async def _show_form(request: ServiceRequest, form: dict[str, str], refused: Problem | None = None) -> Response:
    """The form, with what was typed but for secrets."""
    view = {
        "form_token": form_token(request, None),
        "refusal": refused.detail if refused else None,
        "is_operator": "token" in form,
        "next": form.get("next", ""),
        "email": form.get("email", ""),
        "name": form.get("name", ""),
    }
    response = await page_response(request, "sign_in.html", view, status=refused.status if refused else 200)
    if refused is not None:
        response.headers.update(refused.headers)
    return response
