"""`python -m app`: runs the service under uvicorn."""

import asyncio
import gc
import resource
import signal
import sys
from typing import cast

import uvicorn

from app.logs import configure_logging
from app.main import SHUTDOWN_REQUEST_SECONDS, create_app
from app.settings import SettingsError, load_settings
from app.web.protocol import CONNECTION_LIMIT, Connections

# Files that are no connections of clients: the spool, the log, connections to the database.
_OTHER_FILES = 100
_COLLECT_AFTER_OBJECTS = 5_000


def main() -> None:
    """Serve until SIGTERM, then complete the open requests and exit with 0."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(str(error))
    configure_logging(settings.log_level)
    # uvicorn raises the signal again after its shutdown; without this handler the exit status would be a failure.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    app = create_app(settings)
    _tune_garbage_collection()
    connections = Connections(min(CONNECTION_LIMIT, _raise_file_limit() - _OTHER_FILES))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=cast(type[asyncio.Protocol], connections.new_protocol),
        loop="asyncio",  # BoundedProtocol sets the read size of asyncio's transport
        log_config=None,  # configure_logging() has set it
        access_log=False,  # RequestLog writes one line per request
        server_header=False,
        proxy_headers=False,  # web.auth.client_address() reads X-Forwarded-For
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_REQUEST_SECONDS,
    )


def _tune_garbage_collection() -> None:
    """By default the collector runs after 700 new objects, every other request, and looks at what lives for ever, too.

    Few objects of a request are in cycles: the others are freed without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, 20, 20)


def _raise_file_limit() -> int:
    """Each connection is an open file: the number that the process may open, after raising it as far as permitted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = hard if hard != resource.RLIM_INFINITY else 65_536
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


if __name__ == "__main__":
    main()
