"""Progress output: one line per step, with its duration."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class ProgressReporter(Protocol):
    """Receives the steps and messages of a start."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Reports the step when the block begins and its duration when the block ends."""

    def message(self, text: str) -> None:
        """Reports something that the user should know, inside or between steps."""


class ConsoleProgress:
    """Prints `text … 0.4 s`. A message inside a step is printed on its own line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._open_step: str | None = None

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        started = time.monotonic()
        self._open_step = text
        self._write(f"{text} … ")
        try:
            yield
        except KeyboardInterrupt:
            self._finish_line("stopped")
            raise
        except BaseException:
            self._finish_line("failed")
            raise
        self._finish_line(f"{time.monotonic() - started:.1f} s")

    def message(self, text: str) -> None:
        if self._open_step is None:
            self._write(f"{text}\n")
        else:
            self._write(f"\n  {text}\n{self._open_step} … ")

    def _finish_line(self, text: str) -> None:
        self._open_step = None
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class RecordedProgress:
    """Prints nothing and keeps steps and messages in `reported`, for the tests."""

    def __init__(self) -> None:
        self.reported: list[str] = []

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self.reported.append(text)
        yield

    def message(self, text: str) -> None:
        self.reported.append(text)
