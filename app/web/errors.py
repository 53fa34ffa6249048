"""Problem documents as Starlette responses."""

import json

from starlette.responses import Response

from app.problems import Problem


def problem_response(error: Problem) -> Response:
    """The application/problem+json response."""
    body = json.dumps(error.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, error.status, dict(error.headers), media_type="application/problem+json")
