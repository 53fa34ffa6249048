"""`python -m app.smoke URL`: walks every endpoint of a running deployment and says what works.

INGEST_TOKEN is needed. With AUTHENTICATED_JWT, a user's access token, the reading routes are walked too, and
with SUPABASE_URL and SUPABASE_ANON_KEY the test incident is resolved afterwards. SENTRY_CLIENT_SECRET adds a
signed webhook, OPERATOR_TOKEN signs in to the status page. Exits with 0 when nothing failed.
"""

import argparse
import os
import sys

import httpx

from app.smoke_checks import Walk

_TIMEOUT_SECONDS = 15.0
_VARIABLES = (
    "INGEST_TOKEN",
    "AUTHENTICATED_JWT",
    "SUPABASE_URL",
    "SUPABASE_ANON_KEY",
    "SENTRY_CLIENT_SECRET",
    "OPERATOR_TOKEN",
)


def main() -> int:
    """0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m app.smoke", description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="address of the service, such as https://monitor.example.com")
    url = parser.parse_args().url.rstrip("/")
    unreadable = [name for name in _VARIABLES if not os.environ.get(name, "").isascii()]
    if unreadable:
        print(f"✗ {', '.join(unreadable)}: no key has such characters. Was it pasted whole?")
        return 1
    checks = []
    try:
        with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS) as client:
            for check in Walk(client, os.environ).checks():
                mark = "-" if check.passed is None else "✓" if check.passed else "✗"
                print(f"{mark} {check.name:42} {check.detail}")
                checks.append(check)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        why = str(error).rstrip(".") or type(error).__name__
        print(f"✗ {url} does not answer: {why}. Is the address right, and the service running?")
        return 1
    failed = sum(check.passed is False for check in checks)
    left_out = sum(check.passed is None for check in checks)
    aside = f" {left_out} could not be tried." if left_out else ""
    print(f"\n{failed} of {len(checks)} failed.{aside}" if failed else f"\nEverything works.{aside}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
