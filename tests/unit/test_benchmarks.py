"""The arguments of `make bench`, and how costs of two checkouts are compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS, read_arguments
from benchmarks.functions import SIZES, Costs, make_text
from benchmarks.peers import cpu_seconds_with_children
from benchmarks.prefix_proxy import RequestRewriter
from local.system.paths import PROJECT


def test_without_arguments_everything_is_measured_without_a_baseline() -> None:
    arguments = read_arguments([])
    assert arguments.parts == PARTS
    assert arguments.baseline is None


def test_parts_run_in_the_order_of_the_list() -> None:
    assert read_arguments(["growth", "batches"]).parts == ("batches", "growth")


def test_a_baseline_is_a_checkout() -> None:
    assert read_arguments(["functions", "--baseline", str(PROJECT)]).baseline == PROJECT


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["function"], "unknown part function: choose from batches, functions"),
        (["--baseline", "/nowhere"], "/nowhere has no folder supabase/migrations"),
    ],
)
def test_a_wrong_argument_is_named(values: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_arguments(values)
    assert message in capsys.readouterr().err


def test_a_relative_baseline_is_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT / "docs")
    assert read_arguments(["--baseline", ".."]).baseline == Path(PROJECT)


def test_texts_differ_and_have_the_size_that_is_printed() -> None:
    for size in SIZES.values():
        texts = {make_text(number, size) for number in range(100)}
        assert len(texts) == 100
        assert {len(text.encode()) for text in texts} == {size}


def test_a_ratio_compares_within_each_round() -> None:
    costs = Costs()
    for ours, theirs in ((1.0, 2.0), (10.0, 20.0), (5.0, 50.0)):  # the machine was slower in the second round
        costs.add("this checkout", ours)
        costs.add("baseline", theirs)
    assert costs.ratio("this checkout", "baseline") == 0.5
    assert costs.median("this checkout") == 5.0


def test_the_proxy_of_the_peers_removes_the_prefix_however_the_bytes_are_cut() -> None:
    body = b'{"a": " /rest/v1/x"}'
    request = b"POST /rest/v1/rpc/f HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    get = b"GET /rest/v1/t?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n"
    given = request + get + request
    rewritten, got = request.replace(b"/rest/v1", b"", 1), get.replace(b"/rest/v1", b"")
    for size in (1, 7, len(request), len(given)):
        rewriter = RequestRewriter()
        assert (
            b"".join(rewriter.rewrite(given[at : at + size]) for at in range(0, len(given), size))
            == rewritten + got + rewritten
        )


def test_the_cpu_time_of_a_process_includes_that_of_children_that_ended() -> None:
    before = cpu_seconds_with_children(os.getpid())
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.5: pass"], check=True)
    assert cpu_seconds_with_children(os.getpid()) - before >= 0.4  # in ticks of 10 ms
