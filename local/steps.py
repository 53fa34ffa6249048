"""A line a step, with its time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class Steps(Protocol):
    """Where a stack says what it is doing."""

    def step(self, text: str) -> AbstractContextManager[None]: ...

    def say(self, sentence: str) -> None: ...


class PrintedSteps:
    """Writes `text … 0.4 s`; a sentence that comes up inside a step stands on a line of its own."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._open_text: str | None = None

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        started = time.monotonic()
        self._open_text = text
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

    def say(self, sentence: str) -> None:
        if self._open_text is None:
            self._write(f"{sentence}\n")
        else:
            self._write(f"\n  {sentence}\n{self._open_text} … ")

    def _finish_line(self, text: str) -> None:
        self._open_text = None
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class SilentSteps:
    """For the tests: nobody watches, but what was said is kept for assertions."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self.said.append(text)
        yield

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
