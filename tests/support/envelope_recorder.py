"""Records what Sentry's SDKs send: `python -m tests.support.envelope_recorder` writes tests/fixtures/envelopes/.

It runs the programs in tests/integration/sdk against a server that answers as Sentry does. A recording is an inflated
envelope. What it says of this machine is replaced.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import brotli

from app.web.envelope import read_envelope
from local.system import programs
from tests.support.service_process import PROJECT, PUBLIC_KEY
from tests.support.waiting import DEADLINE_SECONDS

PROGRAMS = PROJECT / "tests" / "integration" / "sdk"
RECORDINGS = PROJECT / "tests" / "fixtures" / "envelopes"
NAME = "recorded-shop"
SCENARIOS = ("handled", "unhandled", "chained", "message", "default_fingerprints", "check_in", "others")
_DECODERS = {"gzip": gzip.decompress, "br": brotli.decompress}


@contextmanager
def recording() -> Iterator[tuple[str, list[bytes]]]:
    """The DSN of a server, and the inflated bodies that it received so far."""
    bodies: list[bytes] = []

    class Recorder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self._read()
            bodies.append(_DECODERS.get(self.headers.get("content-encoding", ""), bytes)(raw))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def _read(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers["content-length"]))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{PUBLIC_KEY}@127.0.0.1:{server.server_port}/1", bodies
        finally:
            server.shutdown()


def without_machine(raw: bytes) -> bytes:
    """The same envelope as from another machine. Each item has its length in the header if it had one."""
    header, _, _ = raw.partition(b"\n")
    lines = [json.dumps(_replace(json.loads(header))).encode()]
    at = len(header)
    for item in read_envelope(raw).items:
        start = raw.index(item.payload, at)
        item_header = json.loads(raw[at:start].strip())
        at = start + len(item.payload)
        payload = json.dumps(_replace(json.loads(item.payload))).encode()
        if "length" in item_header:
            item_header["length"] = len(payload)
        lines += [json.dumps(item_header).encode(), payload]
    return b"\n".join(lines) + b"\n"


def _replace(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ABOUT_MACHINE.get(key, _replace(member)) for key, member in value.items()}
    if isinstance(value, list):
        return [_replace(member) for member in value]
    if isinstance(value, str):
        for path in (str(programs.NODE_MODULES), sys.prefix, sys.base_prefix, str(PROJECT)):
            value = value.replace(path, "/srv/shop")
    return value


_ABOUT_MACHINE: dict[str, Any] = {
    "server_name": "web-1",
    "modules": {"shop": "1.2.3"},
    "device": {"arch": "x64"},
    "os": {"name": "Linux"},
    "app": {},
    "cloud_resource": {},
    "runtime": {"name": "runtime", "version": "1.0"},
}


def main() -> None:
    RECORDINGS.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "NODE_MODULES": str(programs.NODE_MODULES)}
    for sdk, command in (
        ("python", [sys.executable, PROGRAMS / "program.py"]),
        ("node", [programs.node(), PROGRAMS / "program.mjs"]),
    ):
        for scenario in SCENARIOS:
            with recording() as (dsn, bodies):
                subprocess.run(  # noqa: S603 - our own programs
                    [*command, dsn, NAME, scenario], env=environment, timeout=DEADLINE_SECONDS, check=False
                )
                for number, body in enumerate(bodies, 1):
                    path = RECORDINGS / f"{sdk}_{scenario}_{number}.envelope"
                    path.write_bytes(without_machine(body))


if __name__ == "__main__":
    main()
