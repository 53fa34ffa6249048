"""`make bench` can compare the functions of this checkout with those of another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.functions import SIZES, measure_functions
from local import Stack
from local.system.paths import PROJECT


def test_the_functions_of_two_checkouts_are_compared(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure_functions(stack, tmp_path, baseline=PROJECT, rounds=1)
    lines = capsys.readouterr().out.splitlines()
    figures = re.compile(r"  (.+?) +baseline +([\d.]+)   this checkout +([\d.]+) +([\d.]+)x")
    measured = {
        found[1]: [float(value) for value in found.groups()[1:]] for found in map(figures.match, lines) if found
    }
    sized = {f"{name}, {size}" for name in ("classify_error", "fingerprint_error", "sanitize_text") for size in SIZES}
    assert measured.keys() == sized | {"prepare_event", "ingest_events, a repeat"}
    assert all(value > 0 for values in measured.values() for value in values)
