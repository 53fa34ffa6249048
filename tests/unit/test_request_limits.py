"""Limits on connections, on requests in progress, and on request bodies that are being read."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.problems import Problem
from app.web.auth import client_address, client_of
from app.web.body import BodyBudget, BodyLimits
from app.web.middleware import FairLimit
from app.web.protocol import LARGE_HEADS_LIMIT, BoundedProtocol, Connections


class Sender:
    """Sends a body part by part."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.request: Request = Request({"type": "http", "headers": []}, self._messages.get)

    def send(self, part: bytes, *, is_last: bool = False) -> None:
        self._messages.put_nowait({"type": "http.request", "body": part, "more_body": not is_last})


def budget(*, replaces_oldest: bool, bodies: int = 10, seconds: float = 60) -> BodyBudget:
    return BodyBudget(BodyLimits(80, 100, bodies, seconds, replaces_oldest))


async def begin(bodies: BodyBudget, part: bytes) -> tuple[Sender, asyncio.Task[bytes]]:
    sender = Sender()
    sender.send(part)
    reading = asyncio.create_task(bodies.read(sender.request))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return sender, reading


async def code_of(reading: asyncio.Task[bytes]) -> str:
    with pytest.raises(Problem) as caught:
        await reading
    return caught.value.code


async def test_a_body_beyond_the_limit_of_all_is_refused() -> None:
    bodies = budget(replaces_oldest=False)
    first_sender, first = await begin(bodies, b"x" * 60)
    _, second = await begin(bodies, b"x" * 60)
    assert await code_of(second) == "overloaded"
    first_sender.send(b"y", is_last=True)
    assert await first == b"x" * 60 + b"y"
    sender, third = await begin(bodies, b"x" * 80)
    sender.send(b"", is_last=True)
    assert len(await third) == 80


async def test_of_unauthenticated_bodies_the_oldest_makes_room() -> None:
    bodies = budget(replaces_oldest=True)
    _, first = await begin(bodies, b"x" * 60)
    sender, second = await begin(bodies, b"x" * 60)
    assert await code_of(first) == "overloaded"
    sender.send(b"", is_last=True)
    assert len(await second) == 60


@pytest.mark.parametrize("replaces_oldest", [True, False])
async def test_the_number_of_bodies_is_limited(replaces_oldest: bool) -> None:
    bodies = budget(replaces_oldest=replaces_oldest, bodies=2)
    readings = [(await begin(bodies, b"x"))[1] for _ in range(3)]
    assert await code_of(readings[0 if replaces_oldest else 2]) == "overloaded"
    assert sum(reading.done() for reading in readings) == 1
    for reading in readings:
        reading.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
    assert (bodies._bytes, bodies._readings) == (0, {})


async def test_a_body_that_made_room_takes_none_when_more_of_it_arrives_at_the_same_moment() -> None:
    bodies = budget(replaces_oldest=True)
    for is_last in [False, True] * 10:
        older_sender, older = await begin(bodies, b"x" * 60)
        sender = Sender()
        sender.send(b"y" * 60, is_last=True)
        newer = asyncio.create_task(bodies.read(sender.request))
        older_sender.send(b"x" * 20, is_last=is_last)
        assert await code_of(older) == "overloaded"
        assert await newer == b"y" * 60


async def test_a_body_whose_time_is_over_at_the_same_moment_makes_room() -> None:
    bodies = budget(replaces_oldest=True, bodies=1)
    _, older = await begin(bodies, b"x")
    (reading,) = bodies._readings
    reading.timeout.reschedule(0)  # the time is over: this runs before the next body
    sender, newer = await begin(bodies, b"y")
    sender.send(b"", is_last=True)
    assert await newer == b"y"
    assert await code_of(older) == "overloaded"


async def test_one_body_alone_cannot_exceed_its_own_limit() -> None:
    sender, reading = await begin(budget(replaces_oldest=True), b"x" * 50)
    sender.send(b"x" * 50)
    assert await code_of(reading) == "body-too-large"


def test_a_client_gets_a_share() -> None:
    limit = FairLimit(total=3, per_client=2)
    with limit.use("a"), limit.use("a"):
        with pytest.raises(Problem) as caught, limit.use("a"):
            pass
        assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "1")
        with limit.use("b"):
            with pytest.raises(Problem) as caught, limit.use("c"):
                pass
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    with limit.use("a"), limit.use("a"):
        pass


class Peer(BoundedProtocol):
    """A connection without a socket."""

    def __init__(self, client: str | None = None) -> None:
        self.direct_client = client
        self.counted_head = 0
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def close_if_overdue(self, now: float) -> None:
        pass


async def test_the_connection_that_waits_longest_makes_room_for_a_new_one() -> None:
    connections = Connections(limit=3)
    peers = [Peer() for _ in range(5)]
    for peer in peers[:3]:
        assert connections.add(peer)
        connections.set_idle(peer)
    connections.set_busy(peers[0])
    assert connections.add(peers[3])
    assert [peer.is_aborted for peer in peers] == [False, True, False, False, False]
    # Connections with a request in progress are not closed.
    connections.set_busy(peers[2])
    assert not connections.add(peers[4])
    connections.remove(peers[0])
    assert connections.add(peers[4])


async def test_a_client_has_a_share_of_the_connections_unless_it_is_a_proxy() -> None:
    connections = Connections(limit=100, per_client=2)
    peers = [Peer("203.0.113.7") for _ in range(3)]
    assert [connections.add(peer) for peer in peers] == [True, True, False]
    connections.remove(peers[2])
    connections.remove(peers[0])
    connections.remove(peers[0])
    assert [connections.add(Peer("203.0.113.7")) for _ in range(2)] == [True, False]
    assert all(connections.add(Peer()) for _ in range(10))


async def test_large_heads_together_have_a_limit() -> None:
    connections = Connections()
    large, small, other = Peer(), Peer(), Peer()
    for peer in (large, small, other):
        assert connections.add(peer)
    assert connections.count_head(large, LARGE_HEADS_LIMIT)
    assert connections.count_head(small, 1000)
    assert not connections.count_head(other, 10_000)
    connections.remove(large)
    assert connections.count_head(other, 10_000)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        (None, "None"),
        ("unix", "None"),
    ],
)
def test_the_client_of_an_address(address: str | None, client: str) -> None:
    assert client_of(address) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("8.8.8.8", "9.9.9.9", "8.8.8.8"),  # a client that connects directly may write any header
        ("10.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("100.64.0.1", "1.1.1.1, 9.9.9.9", "9.9.9.9"),  # Railway's proxy
        ("::ffff:100.64.0.1", "9.9.9.9", "9.9.9.9"),
        ("fd12::1", "2606:4700::1", "2606:4700::1"),
        ("127.0.0.1", "not an address", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("unix", "9.9.9.9", "unix"),
    ],
)
def test_the_address_of_a_client_behind_a_proxy(peer: str, forwarded: str, address: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())]
    assert client_address(Request({"type": "http", "client": (peer, 1), "headers": headers})) == address
