"""A program with Sentry's SDK for Python and no more than a DSN: python program.py <dsn> <name> <scenario>.

`name` occurs in every message and in the release, so that a test finds what the program reported.
"""

import logging
import sys

import sentry_sdk


def handled(name: str) -> None:
    sentry_sdk.set_user({"id": "user-42", "email": "jane@example.com", "ip_address": "10.1.2.3"})
    sentry_sdk.set_tag("tenant", "acme")
    for number in range(30):
        sentry_sdk.add_breadcrumb(category="cart", message=f"step {number}")
    try:
        raise ValueError(f"{name} could not be priced")
    except ValueError:
        sentry_sdk.capture_exception()


def unhandled(name: str) -> None:
    raise RuntimeError(f"{name} ended at once")


def chained(name: str) -> None:
    try:
        try:
            raise ConnectionError(f"{name} refused the connection")
        except ConnectionError as cause:
            raise LookupError(f"{name} has no cart") from cause
    except LookupError:
        sentry_sdk.capture_exception()


def logged(name: str) -> None:
    logging.getLogger("shop").error("%s cannot be reached", name)


def message(name: str) -> None:
    sentry_sdk.capture_message(f"{name} is nearly full", level="warning")


def fingerprints(name: str) -> None:
    for text in ("first", "second"):
        with sentry_sdk.new_scope() as scope:
            scope.fingerprint = ["checkout", name]
            sentry_sdk.capture_message(f"{name} {text} way to say it", level="error")


def default_fingerprints(name: str) -> None:
    for region in ("europe", "asia", "europe"):
        with sentry_sdk.new_scope() as scope:
            scope.fingerprint = ["{{ default }}", region]
            sentry_sdk.capture_message(f"{name} is slow", level="error")


def large(name: str) -> None:
    for number in range(100):
        sentry_sdk.add_breadcrumb(category="query", message=f"{number} " + "select 1 " * 400)
    sentry_sdk.capture_message(f"{name} with a long story", level="error")


def check_in(name: str) -> None:
    started = sentry_sdk.crons.capture_checkin(monitor_slug=name, status="in_progress")
    sentry_sdk.crons.capture_checkin(monitor_slug=name, check_in_id=started, status="ok", duration=2.5)


def others(name: str) -> None:
    with sentry_sdk.start_transaction(name=name, op="task"):
        pass


def burst(name: str) -> None:
    for number in range(1000):
        sentry_sdk.capture_message(f"{name} failed for cart {number}", level="error")
        if number % 50 == 49:
            sentry_sdk.flush(60)


def many_errors(name: str) -> None:
    letters = "klmnopqrst"
    for number in range(100):
        word = letters[number // 10] * 5 + letters[number % 10] * 5
        sentry_sdk.capture_message(f"{name} lost its {word}", level="error")
        sentry_sdk.flush(60)


if __name__ == "__main__":
    dsn, given_name, scenario = sys.argv[1:]
    sentry_sdk.init(dsn=dsn, release=f"{given_name}@1.2.3", environment="staging", traces_sample_rate=1.0)
    globals()[scenario](given_name)
    sentry_sdk.flush(60)
