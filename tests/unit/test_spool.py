"""The spool's file: what was put into it is on disk, in order, and bounded."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.spool.file import FIRST, SpoolFile, SpoolFullError
from app.spool.spool import Share, Spool

MEGABYTE = 2**20


async def fill(spool: Spool, *payloads: bytes) -> None:
    await asyncio.gather(*(spool.put("events", payload) for payload in payloads))


async def test_reports_survive_a_crash_in_a_file_that_only_its_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path, MEGABYTE)
    await fill(spool, b"a", b"b", b"c")
    # Without close(): a report is on disk when put() returns.
    other = SpoolFile(path, MEGABYTE)
    assert [each.payload for each in other.read_oldest("events", FIRST, 10)] == [b"a", b"b", b"c"]
    other.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await spool.close()


async def test_only_one_of_two_services_replays(tmp_path: Path) -> None:
    first, second = (Spool(tmp_path / "spool", MEGABYTE) for _ in range(2))
    await fill(first, b"a")
    await fill(second, b"b")
    assert (first.acquire_replay_lock(), second.acquire_replay_lock(), first.acquire_replay_lock()) == (
        True,
        False,
        True,
    )
    assert len(await first.oldest("events", FIRST, 10)) == 2
    await first.close()
    assert second.acquire_replay_lock()
    await second.close()


async def test_a_full_spool_refuses_reports_and_keeps_the_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", MEGABYTE)
    for _ in range(8):
        await spool.put("events", b"x" * 100_000)
    with pytest.raises(SpoolFullError):
        await spool.put("events", b"x" * 400_000)
    counts = await spool.refresh()
    assert counts.depth > 5
    assert spool.dropped.total() == 1
    # Permanently rejected reports can still be moved to the dead letters.
    await spool.settle("events", [], [(each.id, "why") for each in await spool.oldest("events", FIRST, 3)])
    assert (await spool.refresh()).depth == counts.depth - 3
    await spool.close()


LIMITED = {"public": Share(1 / 4, 1 / 2), "heartbeats": Share(1 / 16, 1)}


async def fill_up(spool: Spool, kind: str, sender: str = "") -> int:
    """Puts reports of 10 kB until one is refused; their number."""
    for number in range(10_000):
        try:
            await spool.put(kind, b"x" * 10_000, sender)
        except SpoolFullError:
            return number
    raise AssertionError("nothing was refused")


async def test_a_flood_of_one_kind_leaves_room_for_the_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", MEGABYTE, LIMITED)
    assert await fill_up(spool, "public", "shop") == await fill_up(spool, "public", "app") == 12
    # Neither a third key nor a restart gets more than the share of them all.
    assert await fill_up(spool, "public", "new") == 1
    await spool.close()
    spool = Spool(tmp_path / "spool", MEGABYTE, LIMITED)
    assert await fill_up(spool, "public", "shop") == 0
    assert await fill_up(spool, "heartbeats") == 6
    assert spool.dropped == {"public": 1, "heartbeats": 1}
    assert await fill_up(spool, "events") > 40
    assert spool.dropped["events"] == 1
    await spool.close()


async def test_room_is_free_again_when_reports_are_replayed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", MEGABYTE, LIMITED)
    for _ in range(3):
        assert await fill_up(spool, "public", "shop") == 12
        await spool.settle("public", [each.id for each in await spool.oldest("public", FIRST, 100)], [])
        await spool.refresh()
    assert spool.counts.sizes["public"] == 0
    await spool.close()


async def test_dead_letters_of_a_limited_kind_give_way(tmp_path: Path) -> None:
    """Or reports that the database rejects would use up the share for good."""
    spool = Spool(tmp_path / "spool", MEGABYTE, LIMITED)
    for number in range(5):
        await fill_up(spool, "public", "shop")
        reports = await spool.oldest("public", FIRST, 100)
        await spool.settle("public", [], [(each.id, f"rejected {number}") for each in reports])
        counts = await spool.refresh()
        assert 0 < counts.sizes["public"] <= spool.limit("public") / 4 + 2_000
        assert counts.newest_reason == f"rejected {number}"
    # One that is larger than all that are kept replaces them.
    await spool.put("public", b"x" * 100_000)
    (large,) = await spool.oldest("public", FIRST, 100)
    await spool.settle("public", [], [(large.id, "large")])
    assert ((await spool.refresh()).dead_letters, spool.counts.newest_reason) == (1, "large")
    await spool.close()


async def test_the_sizes_of_a_file_of_version_2_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table spooled (id integer primary key autoincrement, kind text not null, payload blob not null,"
            " spooled_at real not null);"
            "create table dead_letters (id integer primary key autoincrement, kind text not null,"
            " spooled_at real not null, reason text not null, rejected_at real not null, payload blob not null);"
            "insert into spooled (kind, payload, spooled_at) values ('events', zeroblob(900), 1.0),"
            " ('events', zeroblob(1900), 1.0), ('public', zeroblob(400), 1.0);"
            "insert into dead_letters (kind, spooled_at, reason, rejected_at, payload)"
            " values ('public', 1.0, 'why', 2.0, zeroblob(500));"
            "pragma user_version = 2;"
        )
    for _ in range(2):
        spool = Spool(path, MEGABYTE, LIMITED)
        assert spool.counts.depths == {"events": 2, "public": 1}
        assert spool.counts.sizes == {"events": 3_000, "public": 1_100}
        assert spool.counts.dead_letters == 1
        await spool.close()


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    """Of the spool only: other threads of this process sign tokens with the time."""
    monkeypatch.setattr("app.spool.file.time", SimpleNamespace(time=lambda: moment))


async def test_a_changed_clock_does_not_change_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "spool", 2**20)
    for number, moment in enumerate([1e9, 2e9, 5e8, 4e9]):
        set_clock(monkeypatch, moment)
        await spool.put("events", b"%d" % number)
    assert [each.payload for each in await spool.oldest("events", FIRST, 10)] == [b"0", b"1", b"2", b"3"]
    set_clock(monkeypatch, 0.0)
    assert spool.counts.oldest_seconds() == 0.0
    await spool.close()


async def test_a_file_of_version_0_1_keeps_its_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "create table dead_letters (id integer primary key, kind text not null, payload blob not null,"
            " spooled_at real not null, reason text not null, buried_at real not null)"
        )
        connection.execute("insert into dead_letters values (7, 'events', x'61', 1.0, 'rejected', 2.0)")
        connection.commit()
    spool = Spool(path, MEGABYTE)
    await fill(spool, b"b")
    await spool.settle("events", [], [(each.id, "rejected too") for each in await spool.oldest("events", FIRST, 1)])
    await spool.refresh()
    assert (spool.counts.depth, spool.counts.dead_letters) == (0, 1 + 1)
    await spool.close()


async def test_dead_letters_are_kept_by_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by their ids: two letters that are far apart do not evict each other."""
    monkeypatch.setattr("app.spool.file.DEAD_LETTERS", 3)
    spool = SpoolFile(tmp_path / "spool", MEGABYTE)
    for number in range(20):
        spool.insert([("events", b"%d" % number)])
        (report,) = spool.read_oldest("events", FIRST, 1)
        is_dead = number in (0, 5, 6, 19)
        spool.settle("events", [] if is_dead else [report.id], [(report.id, f"reason {number}")] if is_dead else [])
        if number == 18:
            assert spool.count().dead_letters == 3
    assert (spool.count().dead_letters, spool.counts.newest_reason) == (3, "reason 19")
    spool.close()
