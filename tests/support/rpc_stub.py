"""A server that takes the place of PostgREST: it answers each RPC with a document that the test gives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.tcp_server import port_of, tcp_server


@dataclass(frozen=True)
class Refusal:
    """An error response of PostgREST."""

    status: int
    code: str
    message: str
    details: str | None = None
    hint: str | None = None


class Sequence(list[Any]):
    """Answers that are given one after the other."""


HANG = object()
"""No answer until the caller gives up."""


@dataclass
class RpcStub:
    """Answers by function. One without an answer is unknown; one whose answer is None ends the connection."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """The function and the parameters of each call."""
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int((head.partition("\r\ncontent-length:")[2].partition("\r\n")[0]).strip() or "0")
        body = await reader.readexactly(length)
        function = head.split(" ", 2)[1].rpartition("/")[2]
        self.calls.append((function, json.loads(body or b"null")))
        answer = self.answers.get(function, Refusal(404, "PGRST202", "no function"))
        if isinstance(answer, Sequence):
            answer = answer.pop(0)
        if answer is HANG:
            await reader.read()
        if answer is HANG or answer is None:
            return
        status, document = (answer.status, vars(answer)) if isinstance(answer, Refusal) else (200, answer)
        text = json.dumps(document).encode()
        lines = [f"HTTP/1.1 {status} Answer", "Content-Type: application/json", "Connection: close"]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(text)}", "", ""]).encode() + text)
        await writer.drain()


def stub_variables(stub: RpcStub, operator_token: str) -> dict[str, str]:
    """The variables of a service that has only this stub."""
    return {
        "SUPABASE_URL": stub.url,
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of_a_test",
        "SUPABASE_SECRET_KEY": "sb_secret_of_a_test",
        "INGEST_TOKEN": "ingest-token-of-a-test",
        "OPERATOR_TOKEN": operator_token,
    }


@contextmanager
def running_stub() -> Iterator[RpcStub]:
    stub = RpcStub()
    with tcp_server(stub.handle) as server:
        stub.url = f"http://127.0.0.1:{port_of(server)}"
        yield stub
