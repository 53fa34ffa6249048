"""Reading a request's body, counted while it comes."""

import asyncio

from app.bodies import BODY_LIMIT, check_content_length
from app.problems import problem
from app.state import ServiceRequest

_BODY_SECONDS = 15.0


async def read_body(request: ServiceRequest) -> bytes:
    """The raw bytes."""
    budget = request.state["reading"]
    check_content_length(request.headers.get("content-length"))
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                budget.take(len(chunk))
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise problem("body-too-large")
    except TimeoutError:
        raise problem("body-timeout") from None
    finally:
        budget.give_back(len(body))
    return bytes(body)
