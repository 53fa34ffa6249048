"""`make bench` can compare the functions of this checkout with those of another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import make_event
from benchmarks.functions import SIZES, measure_functions
from benchmarks.peers import KINDS, measure_peers
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


def test_the_service_and_its_peers_are_measured_side_by_side(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure_peers(stack, tmp_path, make_event, rounds=1, seconds=0.5, connections=(1, 2))
    printed = capsys.readouterr().out
    titles = re.findall(r"^(\d connections?, .+):$", printed, re.MULTILINE)
    assert titles == [f"{number}, {kind}" for kind in KINDS for number in ("1 connection", "2 connections")]
    rows = re.compile(r"^  (.+?) +[\d,]+/s   p50 .+   CPU ms a request: (.+)   in all [\d.]+ .+x$", re.MULTILINE)
    processes = {
        "service": ["service", "proxy", "PostgREST", "Postgres"],
        "PostgREST alone": ["PostgREST", "Postgres"],
        "Express + supabase-js": ["node", "proxy", "PostgREST", "Postgres"],
    }
    assert [name for name, _ in rows.findall(printed)] == list(processes) * len(titles), printed
    assert all(re.findall(r"([A-Za-z]+) [\d.]+", costs) == processes[name] for name, costs in rows.findall(printed))
