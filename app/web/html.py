"""Pages for browsers: Accept-header negotiation, and responses with a strict Content-Security-Policy."""

import secrets

from starlette.responses import HTMLResponse, Response


def prefers_html(accept: str) -> bool:
    """Accept-header negotiation: whether HTML ranks above JSON. `*/*`, which curl sends, means JSON."""
    weights = dict(_media_range(part) for part in accept.lower().split(",")[:50])
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > weights.get("application/json", 0.0)


def _media_range(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, float(value)
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0


def new_nonce() -> str:
    """The nonce of one response, which its styles and scripts carry."""
    return secrets.token_urlsafe(16)


def html_response(document: str, nonce: str, status: int = 200) -> Response:
    """The document, with a policy that permits its own styles, scripts and forms, and requests to the service."""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(document, status, {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"})
