"""`python -m app`: the service under uvicorn."""

import os
import signal
import sys
from types import FrameType

import uvicorn

from app.door import BoundedHeadProtocol
from app.logs import configure_logging
from app.main import SHUTDOWN_REQUEST_SECONDS, create_app
from app.settings import SettingsError, load_settings


def main() -> None:
    """Serve until SIGTERM, then finish what is under way and exit with 0."""
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    configure_logging(settings.log_level)
    # uvicorn raises the signal again once it has shut down; without this the exit would look like a crash.
    signal.signal(signal.SIGTERM, _exit_cleanly)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=BoundedHeadProtocol,
        loop="asyncio",  # the bound on what is read at once is its own
        log_config=None,  # ours is set
        access_log=False,  # RequestLog writes the line
        server_header=False,
        proxy_headers=False,  # nothing reads the client's address
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_REQUEST_SECONDS,
    )


def _exit_cleanly(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
