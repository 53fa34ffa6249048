"""GET /metrics: Prometheus' text format, for the operator token."""

from starlette.responses import Response

from app.metrics import CONTENT_TYPE
from app.problems import problem
from app.state import ServiceRequest
from app.web.auth import bearer_token, is_one_of


async def metrics(request: ServiceRequest) -> Response:
    """Without an operator token nobody is the operator."""
    token, expected = bearer_token(request.headers.get("authorization")), request.state["settings"].operator_token
    if not expected:
        raise problem("unauthorized", "This service has no OPERATOR_TOKEN. Set one to read the metrics.")
    if token is None or not is_one_of(token, expected):
        raise problem("unauthorized", "Send Authorization: Bearer with the OPERATOR_TOKEN of this service.")
    text = request.state["metrics"].render()
    return Response(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
