"""`python -m app`: runs the service under uvicorn."""

import signal
import sys

import uvicorn

from app.logs import configure_logging
from app.main import SHUTDOWN_REQUEST_SECONDS, create_app
from app.settings import SettingsError, load_settings
from app.web.protocol import BoundedHeadProtocol


def main() -> None:
    """Serve until SIGTERM, then complete the open requests and exit with 0."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(str(error))
    configure_logging(settings.log_level)
    # uvicorn raises the signal again after its shutdown; without this handler the exit status would be a failure.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=BoundedHeadProtocol,
        loop="asyncio",  # BoundedHeadProtocol sets the read size of asyncio's transport
        log_config=None,  # configure_logging() has set it
        access_log=False,  # RequestLog writes one line per request
        server_header=False,
        proxy_headers=False,  # web.auth.client_address() reads X-Forwarded-For
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_REQUEST_SECONDS,
    )


if __name__ == "__main__":
    main()
