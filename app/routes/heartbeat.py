"""GET and POST /heartbeat/{key}[/{signal}]: a job reports that it ran. SQL decides what that means."""

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from app.ingest.heartbeat import read_signal
from app.logs import log_fields
from app.state import ServiceRequest
from app.web.auth import client_address, client_of

# A GET must reach the service each time.
_HEADERS = {"Cache-Control": "no-store"}


async def receive_heartbeat(request: ServiceRequest) -> Response:
    """200 if the database has recorded it, 202 if it is in the spool. The body, such as a job's output, is not read."""
    log_fields()["feed"] = "heartbeats"
    key, signal = read_signal(request.path_params["key"], request.path_params.get("signal"))
    client = client_of(client_address(request))
    result = await request.state["heartbeat_keys"].accept(key, signal, datetime.now(UTC), client)
    if result is None:
        return JSONResponse({"success": True, "status": "spooled"}, 202, _HEADERS)
    return JSONResponse(result, 200, _HEADERS)
