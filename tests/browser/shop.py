"""A web shop that breaks: its pages are on an origin of their own, and a script on each reports the errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local.system import programs

PAGES = Path(__file__).with_name("pages")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html; charset=utf-8"}
_MODULES = "/modules/"


@dataclass
class Shop:
    """The pages. `scripts` are more of them, by their names; `settings` are what scripts read as `settings`."""

    origin: str
    settings: dict[str, object] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)

    def page(self, script: str) -> str:
        """The URL of a page with this script."""
        return f"{self.origin}/{script}.html"

    def content(self, path: str) -> bytes:
        """Raises FileNotFoundError."""
        if path == "/settings.js":
            return f"globalThis.settings = {json.dumps(self.settings)};".encode()
        if path.startswith(_MODULES):
            return (programs.NODE_MODULES / path.removeprefix(_MODULES)).read_bytes()
        name = Path(path).name
        if name.endswith(".html"):
            page = (PAGES / "page.html").read_text()
            return page.replace("SCRIPT", f"/{name.removesuffix('.html')}.js").encode()
        if name in self.scripts:
            return self.scripts[name].encode()
        return (PAGES / name).read_bytes()


@contextmanager
def open_shop(settings: Mapping[str, object], scripts: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """Serves the pages on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            try:
                status, body = 200, shop.content(path)
            except (FileNotFoundError, IsADirectoryError):
                status, body = 404, b""
            self.send_response(status)
            self.send_header("Content-Type", _TYPES.get(Path(path).suffix, "text/plain"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    shop = Shop(f"http://127.0.0.1:{server.server_port}", dict(settings), dict(scripts or {}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
