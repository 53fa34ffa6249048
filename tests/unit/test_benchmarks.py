"""The arguments of `make bench`, and how costs of two checkouts are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS, read_arguments
from benchmarks.functions import SIZES, Costs, make_text
from local.system.paths import PROJECT


def test_without_arguments_everything_is_measured_without_a_baseline() -> None:
    arguments = read_arguments([])
    assert arguments.parts == PARTS
    assert arguments.baseline is None


@pytest.mark.parametrize("parts", [["growth", "small"], ["growth"]])
def test_growth_runs_after_small_which_it_compares_with(parts: list[str]) -> None:
    assert read_arguments(parts).parts == ("small", "growth")


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
