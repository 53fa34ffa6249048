"""A spool file that is damaged, deleted or replaced, before the start or while it is open."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.spool.file import FIRST, SpoolFile
from app.spool.file import SpoolError as SpoolPathError

MEGABYTE = 2**20
REPORTS = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite3"


def open_file(path: Path) -> SpoolFile:
    return SpoolFile(path, 16 * MEGABYTE)


def fill(spool: SpoolFile, numbers: range) -> None:
    spool.insert([("events", b'{"number": %d, "text": "%b"}' % (number, b"x" * 900)) for number in numbers])


def contents(spool: SpoolFile) -> tuple[list[int], list[dict[str, Any]]]:
    """The numbers of the reports, and the incidents that the service reports about its spool."""
    numbers, incidents = [], []
    last = FIRST
    while batch := spool.read_oldest("events", last, 1_000):
        for each in batch:
            body = json.loads(each.payload)
            if "number" in body:
                numbers.append(body["number"])
            else:
                incidents.append(body)
        last = batch[-1].id
    return numbers, incidents


def aside(path: Path) -> list[Path]:
    return sorted(each for each in path.parent.glob("*.damaged-*") if not each.name.endswith(("-wal", "-shm")))


def write_spool(path: Path) -> None:
    spool = open_file(path)
    fill(spool, range(REPORTS))
    spool.close()


def put_garbage_in_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero_a_page_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\0" * 4096)


def make_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_another_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table spooled (something text)")
        connection.commit()


def make_a_text_file(path: Path) -> None:
    path.write_text("reports go here\n" * 100)


@pytest.mark.parametrize(
    ("damage", "least"),
    [
        (put_garbage_in_the_header, 0),
        (cut_in_half, 0),
        (zero_a_page_in_the_middle, REPORTS - 10),
        (make_a_directory, 0),
        (make_another_schema, 0),
        (make_a_text_file, 0),
    ],
)
def test_a_damaged_file_is_set_aside_and_what_can_be_read_is_kept(
    path: Path, damage: Callable[[Path], None], least: int, caplog: pytest.LogCaptureFixture
) -> None:
    write_spool(path)
    damage(path)
    spool = open_file(path)
    numbers, (incident,) = contents(spool)
    assert len(numbers) >= least
    assert numbers == sorted(numbers)
    (kept,) = aside(path)
    event = incident["event"]
    assert incident["sender"] == "service"
    assert event["error"]["type"] == "SpoolDamaged"
    assert kept.name in event["error"]["message"]
    assert event["context"] == {"known": None, "recovered": len(numbers), "file": kept.name}
    assert (event["severity"], event["category"]) == ("HIGH", "infrastructure")
    assert (event["source"], event["fingerprint"]) == ("monitoring", "service:spool-damaged")
    assert "The spool file was lost" in caplog.text
    # The new file works, also after the next start.
    fill(spool, range(1_000, 1_010))
    spool.close()
    again = open_file(path)
    assert contents(again)[0] == [*numbers, *range(1_000, 1_010)]
    assert len(aside(path)) == 1
    again.close()


def test_every_report_outside_the_damaged_pages_is_read(path: Path) -> None:
    """Payloads of many pages: some of the zeroed pages hold rows, some a part of one payload."""
    spool = open_file(path)
    for number in range(100):
        spool.insert([("events", b'{"number": %d, "text": "%b"}' % (number, b"x" * 100 * (number % 50) ** 2))])
    spool.close()
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in range(pages // 5, pages, pages // 5):
            file.seek(page * 4096)
            file.write(b"\0" * 4096)
    again = open_file(path)
    assert 80 < again.counts.depth < 100 + 1  # with the incident
    again.close()


def test_a_directory_that_is_not_empty_is_left_alone(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()
    with pytest.raises(SpoolPathError, match="cannot be used"):
        open_file(path)
    assert (path / "file").exists()


def delete(path: Path) -> None:
    path.unlink()


def delete_with_its_log(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()


def delete_the_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace_with_an_empty_file(path: Path) -> None:
    path.unlink()
    path.touch()


def replace_with_garbage(path: Path) -> None:
    path.unlink()
    path.write_bytes(os.urandom(9_000))


def replace_with_a_copy(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def rename(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    "damage",
    [
        delete,
        delete_with_its_log,
        delete_the_log,
        replace_with_an_empty_file,
        replace_with_garbage,
        replace_with_a_copy,
        rename,
    ],
)
def test_a_file_that_is_deleted_or_replaced_under_the_service_loses_nothing(
    path: Path, damage: Callable[[Path], None]
) -> None:
    spool = open_file(path)
    fill(spool, range(REPORTS))
    damage(path)
    fill(spool, range(REPORTS, REPORTS + 10))
    numbers, (incident,) = contents(spool)
    assert set(numbers) == set(range(REPORTS + 10))
    assert incident["event"]["context"]["known"] == REPORTS
    assert incident["event"]["context"]["recovered"] == REPORTS
    assert spool.counts.depth == len(numbers) + 1
    # What was acknowledged is in the file that the next start finds.
    again = open_file(path)
    assert set(contents(again)[0]) == set(range(REPORTS + 10))
    again.close()
    spool.close()


def test_a_file_that_is_deleted_during_the_write_is_noticed_before_the_report_is_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_file(path)
    fill(spool, range(5))
    checks = []
    find_change = spool._files.find_change

    def find_change_and_count() -> str | None:
        checks.append(find_change())
        return checks[-1]

    def has_shrunk() -> bool:
        if len(checks) == 1:
            path.unlink()  # after the check, before the write
        return False

    monkeypatch.setattr(spool._files, "find_change", find_change_and_count)
    monkeypatch.setattr(spool._files, "has_shrunk", has_shrunk)
    fill(spool, range(5, 6))
    again = open_file(path)
    assert contents(again)[0] == [0, 1, 2, 3, 4, 5]
    again.close()
    spool.close()


@pytest.mark.parametrize("share", [0, 0.4])
def test_a_log_that_is_cut_under_the_service_is_reported_with_the_number_that_was_known(
    path: Path, share: float
) -> None:
    spool = open_file(path)
    fill(spool, range(REPORTS))
    log = Path(f"{path}-wal")
    os.truncate(log, int(log.stat().st_size * share))
    fill(spool, range(1_000, 1_010))
    numbers, (incident,) = contents(spool)
    assert set(numbers) >= set(range(1_000, 1_010))
    context = incident["event"]["context"]
    assert context["known"] == REPORTS
    assert context["recovered"] == len(numbers) - 10
    again = open_file(path)
    assert contents(again)[0] == numbers
    again.close()
    spool.close()


def test_a_file_that_cannot_be_checked_is_not_taken_for_a_damaged_one(path: Path) -> None:
    spool = open_file(path)
    fill(spool, range(REPORTS))
    with closing(sqlite3.connect(path)) as other:
        other.execute("pragma wal_checkpoint(truncate)").fetchall()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # as many files are open as may be
    try:
        assert spool.count().depth == REPORTS
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert contents(spool) == (list(range(REPORTS)), [])
    spool.close()


def test_a_page_that_is_damaged_under_the_service_starts_a_new_file(path: Path) -> None:
    spool = open_file(path)
    for start in range(0, 5_000, 500):  # more than SQLite keeps in memory
        fill(spool, range(start, start + 500))
    zero_a_page_in_the_middle(path)
    contents(spool)  # finds the damage on the way, and begins again with the new file
    numbers, (incident,) = contents(spool)
    assert 4_990 <= len(numbers) < 5_000
    assert incident["event"]["context"] == {
        "known": 5_000,
        "recovered": len(numbers),
        "file": aside(path)[0].name,
    }
    fill(spool, range(1_000, 1_010))
    spool.close()


def test_ids_of_an_earlier_file_delete_nothing_in_its_successor(path: Path) -> None:
    spool = open_file(path)
    fill(spool, range(10))
    batch = spool.read_oldest("events", FIRST, 10)
    path.unlink()
    fill(spool, range(20, 25))
    spool.settle("events", [each.id for each in batch], [])
    assert set(contents(spool)[0]) == {*range(10), *range(20, 25)}
    spool.close()


def test_dead_letters_survive_a_damaged_file(path: Path) -> None:
    spool = open_file(path)
    fill(spool, range(3))
    spool.settle("events", [], [(spool.read_oldest("events", FIRST, 1)[0].id, "a reason of its own")])
    path.unlink()
    assert spool.count().newest_reason == "a reason of its own"
    assert (spool.counts.dead_letters, contents(spool)[0]) == (1, [1, 2])
    spool.close()


def test_two_services_that_lose_their_common_file_go_on_with_one(path: Path) -> None:
    first, second = open_file(path), open_file(path)
    fill(first, range(5))
    fill(second, range(5, 10))
    path.unlink()
    fill(first, range(10, 15))
    fill(second, range(15, 20))
    fill(first, range(20, 25))
    assert set(contents(first)[0]) == set(range(25))
    assert contents(first)[0] == contents(second)[0]
    assert aside(path) == []
    first.close()
    second.close()
