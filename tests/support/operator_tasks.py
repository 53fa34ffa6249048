"""Runs the blocks of docs/operator-tasks.md, so that the page's own text is what the tests try."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from tests.support.pages import DOCS
from tests.support.waiting import DEADLINE_SECONDS

PAGE = DOCS / "operator-tasks.md"
_SECTION = re.compile(r"^## (?P<title>.*)\n(?P<body>(?:.*\n)*?)(?=^## |\Z)", flags=re.MULTILINE)
_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def titles() -> list[str]:
    """The headings of the tasks, in the page's order."""
    return [section["title"] for section in _SECTION.finditer(PAGE.read_text(encoding="utf-8"))]


def task_blocks(title: str, language: str, values: Mapping[str, str] | None = None) -> list[str]:
    """The blocks of one task in one language. `values` replaces example values, each of which the task must contain."""
    (body,) = (s["body"] for s in _SECTION.finditer(PAGE.read_text(encoding="utf-8")) if s["title"] == title)
    texts = [fence["text"] for fence in _FENCE.finditer(body) if fence["language"] == language]
    assert texts, f"the task {title} has no block of {language}"
    for example, value in (values or {}).items():
        assert any(example in text for text in texts), f"the task {title} does not contain {example}"
        texts = [text.replace(example, value) for text in texts]
    return texts


def run_sql_task(
    connection: psycopg.Connection[Any], title: str, values: Mapping[str, str] | None = None
) -> list[list[tuple[Any, ...]]]:
    """Runs the SQL of one task, as the SQL editor does. Returns the rows of each block, empty for one without rows."""
    results = []
    for text in task_blocks(title, "sql", values):
        cursor = connection.execute(text.encode())
        while cursor.nextset():
            pass
        results.append(cursor.fetchall() if cursor.description else [])
    return results


def run_shell_task(
    title: str, environment: Mapping[str, str], folder: Path, values: Mapping[str, str] | None = None
) -> str:
    """Runs the commands of one task with `sh` in `folder`. Fails if they fail. Returns what they print."""
    printed = ""
    for text in task_blocks(title, "sh", values):
        done = subprocess.run(  # noqa: S603 - the commands of our own page
            ["/bin/sh", "-e", "-c", text],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    return printed
