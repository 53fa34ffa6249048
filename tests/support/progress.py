"""A pytest plugin that says how long a run will take, where it is, and which files took the longest.

The durations of the files are kept from run to run, so that the estimate is that of this machine. In a run with
processes of pytest-xdist, the plugin is in the process that distributes the tests.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

INTERVAL_SECONDS = 30.0
# Of work per test, by tier, with what its file starts: for files of which no run on this machine has told the duration.
# Measured on two cores.
SECONDS_PER_TEST = {
    "browser": 7.5,
    "e2e": 7.0,
    "faults": 8.5,
    "integration": 0.7,
    "security": 0.4,
    "sql": 0.2,
    "unit": 0.1,
}
SLOWEST = 10


def in_words(seconds: float) -> str:
    """45 s, 16 min."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class Estimate:
    """How much work the tests are, in seconds of one process."""

    def __init__(self, tests: Sequence[str], known: Mapping[str, float], processes: int) -> None:
        self.sizes = Counter(file_of(test) for test in tests)
        self._work = {file: known.get(file, size * seconds_per_test(file)) for file, size in self.sizes.items()}
        self._processes = processes

    def total(self) -> float:
        """Seconds that the run will take. A file is run by one process."""
        return max(sum(self._work.values()) / self._processes, max(self._work.values(), default=0.0))

    def left(self, done: Mapping[str, int], elapsed: float) -> float:
        """Seconds that are left. Once a tenth of the work is done, its speed counts."""
        shares = {file: number / self.sizes[file] for file, number in done.items() if file in self.sizes}
        finished = sum(self._work[file] * share for file, share in shares.items())
        work = sum(self._work.values())
        if finished < work / 10:
            return max(0.0, self.total() - elapsed)
        return elapsed * (work - finished) / finished


def file_of(test: str) -> str:
    """tests/unit/test_ports.py of tests/unit/test_ports.py::test_free."""
    return test.partition("::")[0]


def seconds_per_test(file: str) -> float:
    """What a test of the file's tier takes on average."""
    folders = file.split("/")
    return SECONDS_PER_TEST.get(folders[1], 1.0) if len(folders) > 1 else 1.0


class Progress:
    """Counts the tests that have ended and prints a line every 30 seconds, also while one test takes long."""

    def __init__(self, config: pytest.Config, durations: Path, interval: float = INTERVAL_SECONDS) -> None:
        self._config = config
        self._durations = durations
        self._interval = interval
        # A copy, because pytest redirects the original while a test runs.
        self._output = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        self._estimate: Estimate | None = None
        self._started = time.monotonic()
        self._done: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._running: dict[str, float] = {}
        self._seconds: Counter[str] = Counter()
        self._is_over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._begin(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin([item.nodeid for item in session.items])

    def _begin(self, tests: Sequence[str]) -> None:
        if self._estimate is not None or not tests:  # every process collects all tests
            return
        processes = getattr(self._config.option, "numprocesses", None) or 1
        self._estimate = Estimate(tests, self._read_durations(), processes)
        self._started = time.monotonic()
        self._print(
            f"{len(tests):,} tests in {len(self._estimate.sizes)} files, with {processes} "
            f"process{'' if processes == 1 else 'es'}: about {in_words(self._estimate.total())}."
        )
        self._ticker.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = file_of(report.nodeid)
        self._seconds[file] += report.duration  # type: ignore[assignment]
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when == "teardown":
            self._running.pop(report.nodeid, None)
            self._done[file] += 1

    def pytest_sessionfinish(self) -> None:
        self._is_over.set()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._estimate is None:
            return
        slowest = [f"{seconds:6.0f} s  {file}" for file, seconds in self._seconds.most_common(SLOWEST)]
        done = sum(self._done.values())
        terminalreporter.section("durations")
        terminalreporter.write_line(f"{done:,} tests took {in_words(time.monotonic() - self._started)}. Slowest files:")
        terminalreporter.write_line("\n".join(slowest))
        self._write_durations(self._estimate)

    def _tick(self) -> None:
        while not self._is_over.wait(self._interval):
            self._print(self._describe())

    def _describe(self) -> str:
        assert self._estimate is not None
        now, elapsed = time.monotonic(), time.monotonic() - self._started
        done, total = sum(self._done.values()), sum(self._estimate.sizes.values())
        failed = f", {len(self._failed):,} failed" if self._failed else ""
        left = in_words(self._estimate.left(dict(self._done), elapsed))
        running = dict(self._running)
        where = ", ".join(dict.fromkeys(map(file_of, running)))
        text = f"{in_words(elapsed)}: {done:,} of {total:,} tests{failed}, about {left} left; running {where or '…'}"
        slow = [test for test, since in running.items() if now - since > 2 * self._interval]
        return text + "".join(f"\n  {test} has run for {in_words(now - running[test])}" for test in slow)

    def _print(self, text: str) -> None:
        os.write(self._output, f"\n{text}\n".encode())

    def _read_durations(self) -> dict[str, float]:
        try:
            return {str(file): float(seconds) for file, seconds in json.loads(self._durations.read_text()).items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def _write_durations(self, estimate: Estimate) -> None:
        """Of the files of which all tests have run. A run of some of a file's tests would say too little."""
        options = self._config.option
        if options.keyword or options.markexpr or any("::" in argument for argument in self._config.args):
            return
        complete = [file for file, size in estimate.sizes.items() if self._done[file] == size]
        known = {**self._read_durations(), **{file: round(self._seconds[file], 1) for file in complete}}
        self._durations.parent.mkdir(exist_ok=True)
        self._durations.write_text(json.dumps(known, indent=1, sort_keys=True))
