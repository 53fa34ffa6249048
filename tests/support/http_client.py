"""httpx's request functions with a timeout that no slow machine reaches; httpx's own default is 5 s."""

from __future__ import annotations

from functools import partial

import httpx

from tests.support.waiting import DEADLINE_SECONDS

TIMEOUT = DEADLINE_SECONDS

delete = partial(httpx.delete, timeout=TIMEOUT)
get = partial(httpx.get, timeout=TIMEOUT)
head = partial(httpx.head, timeout=TIMEOUT)
options = partial(httpx.options, timeout=TIMEOUT)
post = partial(httpx.post, timeout=TIMEOUT)
