"""The refusal of a webhook whose sender is not who it should be, which security_events shows."""

from starlette.background import BackgroundTask
from starlette.responses import Response

from app.problems import Problem
from app.state import ServiceRequest
from app.web.auth import client_address
from app.web.errors import problem_response


def reject_webhook(request: ServiceRequest, refusal: Problem) -> Response:
    """The problem document. The address of the client is reported to the database afterwards."""
    response = problem_response(refusal)
    report = request.state["signature_failures"].report
    response.background = BackgroundTask(report, client_address(request))
    return response
