"""Where a request comes from."""

from ipaddress import ip_address

from app.state import ServiceRequest


def client_address(request: ServiceRequest) -> str | None:
    """The peer's address, or behind a proxy on a private network the last one that the proxy saw.

    What stands before the last entry of X-Forwarded-For, the client may have written itself.
    """
    peer = request.client.host if request.client else None
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
    if forwarded and _is_inside(peer) and _is_address(forwarded):
        return forwarded
    return peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_inside(peer: str | None) -> bool:
    return peer is not None and _is_address(peer) and not ip_address(peer).is_global
