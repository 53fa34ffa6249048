"""Serves the gateway from the stack's event loop."""

from __future__ import annotations

import asyncio

import uvicorn

from local.gateway import Gateway, GatewaySettings
from local.ports import LOOPBACK, listening_socket

GRACE = 2  # seconds that requests under way get at the end


class GatewayServer:
    """Binds at once, so that the address is known before PostgREST has to be."""

    def __init__(self, preferred_port: int) -> None:
        self._socket = listening_socket(preferred_port)
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._gateway: Gateway | None = None

    async def start(self, settings: GatewaySettings) -> None:
        self._gateway = Gateway(settings)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gateway,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110  # uvicorn has only a flag
            await asyncio.sleep(0.005)
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None and self._gateway is not None:
            self._server.should_exit = True
            await self._serving
            await self._gateway.close()
        self._socket.close()
