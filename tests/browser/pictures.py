"""`make pictures`: draws the pictures of the pages in docs/, filled with the day of `make demo`. No test does that."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

from local import Stack, StackSettings
from local.system.paths import PROJECT
from tests.browser.conftest import Reader, find_chromium, seeded_browser
from tests.conftest import fresh_state

DOCS = PROJECT / "docs"
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")


def main(names: list[str]) -> int:
    """Draws all pages, or those that are named."""
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is not installed: `apt install chromium`.", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as scratch,
        fresh_state() as directory,
        Stack.start(StackSettings(directory, testing=True)) as stack,
        seeded_browser(stack, chromium, Path(scratch)) as browser,
    ):
        pages: dict[str, tuple[str, Reader | None]] = {
            "public": ("/status", None),
            "status": ("/status", "user"),
            "incidents": ("/incidents", "user"),
            "incident": (f"/incidents/{browser.incidents['checkout']}", "user"),
            "target": ("/targets/checkout", "user"),
        }
        for name, width, scheme in itertools.product(names or pages, WIDTHS, SCHEMES):
            picture = DOCS / f"{name}-{width}-{scheme}.png"
            path, reader = pages[name]
            seen = browser.visit(path, reader, width=width, scheme=scheme, screenshot=str(picture))
            print(picture.relative_to(PROJECT), *seen.unreadable, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
