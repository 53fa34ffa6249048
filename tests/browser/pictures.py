"""`make pictures`: draws the screenshots of the status page in docs/. No test does that."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg

from local import Stack, StackSettings
from local.system.paths import PROJECT
from tests.browser import seed
from tests.browser.conftest import BROWSERS, OPERATOR_TOKEN, Browser
from tests.conftest import fresh_state
from tests.support.rounds import note_round
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service, service_variables

DOCS = PROJECT / "docs"


def main() -> int:
    chromium = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if chromium is None:
        print("Chromium is not installed: `apt install chromium`.", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as scratch,
        fresh_state() as directory,
        Stack.start(StackSettings(directory)) as stack,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as database,
    ):
        seed.fill(database)
        environ = {**service_variables(stack), "OPERATOR_TOKEN": OPERATOR_TOKEN}
        with running_service(environ, Path(scratch) / "log", budgets=UNHURRIED) as service:
            note_round(stack, service.url)
            browser = Browser(chromium, f"{service.url}/status", database)
            for width, scheme in itertools.product([1280, 390], ["light", "dark"]):
                picture = DOCS / f"status-{width}-{scheme}.png"
                browser.visit(
                    width=width,
                    scheme=scheme,
                    screenshot=str(picture),
                    token=OPERATOR_TOKEN,
                    expect="Open incidents",
                )
                print(picture.relative_to(PROJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
