"""The errors that are reported today, and what is known about them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

JsonObject = dict[str, object]

FINGERPRINT_PREFIX = "demo "
_DOUBLE_CHARGE_STACK = """\
Traceback (most recent call last):
  File "/srv/payments/.venv/lib/python3.12/site-packages/starlette/middleware/errors.py", line 165, in __call__
    await self.app(scope, receive, _send)
  File "/srv/payments/.venv/lib/python3.12/site-packages/starlette/middleware/exceptions.py", line 63, in __call__
    await wrap_app_handling_exceptions(self.app, conn)(scope, receive, send)
  File "/srv/payments/.venv/lib/python3.12/site-packages/starlette/routing.py", line 716, in __call__
    await self.middleware_stack(scope, receive, send)
  File "/srv/payments/.venv/lib/python3.12/site-packages/starlette/routing.py", line 288, in handle
    await self.app(scope, receive, send)
  File "/srv/payments/payments/routes/webhooks.py", line 58, in receive_webhook
    await capture_payment(order_id=event.order_id, amount=event.amount)
  File "/srv/payments/payments/capture.py", line 112, in capture_payment
    ledger.record_charge(order_id, charge)
  File "/srv/payments/payments/ledger.py", line 47, in record_charge
    raise DoubleChargeError(f"Captured the payment of order {order_id} twice")
payments.errors.DoubleChargeError: Captured the payment of order 1042 twice"""
_REFUSED_STACK = """\
Error: connect ECONNREFUSED 10.0.0.7:8080
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)
    at reserveItems (/srv/orders/src/stock/client.ts:41:20)
    at placeOrder (/srv/orders/src/orders/place.ts:88:11)
    at Layer.handle [as handle_request] (/srv/orders/node_modules/express/lib/router/layer.js:95:5)
    at next (/srv/orders/node_modules/express/lib/router/route.js:149:13)
    at Route.dispatch (/srv/orders/node_modules/express/lib/router/route.js:119:3)
    at requireCustomer (/srv/orders/src/http/session.ts:27:5)
    at Layer.handle [as handle_request] (/srv/orders/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)"""
_PRICE_STACK = """\
TypeError: Cannot read properties of undefined (reading 'price')
    at formatLine (https://shop.example/assets/src/cart/CartLine.tsx:34:29)
    at CartLine (https://shop.example/assets/src/cart/CartLine.tsx:61:18)
    at renderWithHooks (https://shop.example/assets/node_modules/react-dom/cjs/react-dom-client.production.js:2811:18)
    at updateFunctionComponent (https://shop.example/assets/node_modules/react-dom/cjs/react-dom-client.production.js:4203:19)
    at beginWork (https://shop.example/assets/node_modules/react-dom/cjs/react-dom-client.production.js:5120:16)
    at performUnitOfWork (https://shop.example/assets/node_modules/react-dom/cjs/react-dom-client.production.js:8402:18)
    at workLoopSync (https://shop.example/assets/node_modules/react-dom/cjs/react-dom-client.production.js:8276:41)
    at refreshCart (https://shop.example/assets/src/cart/useCart.ts:77:5)"""
POOL_MESSAGE = "QueuePool limit of size 10 overflow 5 reached, connection timed out, timeout 30.00"
POOL_TYPE = "sqlalchemy.exc.TimeoutError"
POOL_STACK = f"""\
Traceback (most recent call last):
  File "/srv/checkout/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 301, in app
    raw_response = await run_endpoint_function(
  File "/srv/checkout/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 214, in run_endpoint_function
    return await run_in_threadpool(dependant.call, **values)
  File "/srv/checkout/checkout/routes/basket.py", line 73, in read_basket
    basket = baskets.load(session, customer.id)
  File "/srv/checkout/checkout/baskets.py", line 29, in load
    rows = session.execute(BASKET_LINES, {{"customer": customer_id}}).all()
  File "/srv/checkout/.venv/lib/python3.12/site-packages/sqlalchemy/orm/session.py", line 2365, in execute
    return self._execute_internal(
  File "/srv/checkout/.venv/lib/python3.12/site-packages/sqlalchemy/engine/base.py", line 3298, in raw_connection
    return self.pool.connect()
  File "/srv/checkout/.venv/lib/python3.12/site-packages/sqlalchemy/pool/impl.py", line 166, in _do_get
    raise exc.TimeoutError(
{POOL_TYPE}: {POOL_MESSAGE}"""
_READ_ONLY_STACK = """\
elasticsearch.AuthorizationException: AuthorizationException(403, 'cluster_block_exception', \
'index [products-v12] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]')
  File "/srv/search/search/indexer.py", line 94, in index_products
    client.bulk(operations=operations)
  File "/srv/search/.venv/lib/python3.12/site-packages/elasticsearch/_sync/client/utils.py", line 455, in wrapped
    return api(*args, **kwargs)
  File "/srv/search/.venv/lib/python3.12/site-packages/elasticsearch/_sync/client/__init__.py", line 792, in bulk
    return self.perform_request("PUT", path, params=query, headers=headers, body=body)
  File "/srv/search/.venv/lib/python3.12/site-packages/elasticsearch/_sync/client/_base.py", line 271, in perform
    response = self._perform_request(method, path, params=params, headers=headers, body=body)"""
MAIL_MESSAGE = "Connection unexpectedly closed by mail.shop.example: 421 4.7.0 Too many connections"
MAIL_TYPE = "SMTPServerDisconnected"
MAIL_STACK = f"""\
Traceback (most recent call last):
  File "/srv/mailer/mailer/queue.py", line 83, in send_next
    transport.deliver(message)
  File "/srv/mailer/mailer/transport.py", line 36, in deliver
    connection.send_message(message.as_email())
  File "/usr/local/lib/python3.12/smtplib.py", line 982, in send_message
    return self.sendmail(from_addr, to_addrs, flatmsg, mail_options,
  File "/usr/local/lib/python3.12/smtplib.py", line 885, in sendmail
    (code, resp) = self.data(msg)
smtplib.{MAIL_TYPE}: {MAIL_MESSAGE}"""


@dataclass(frozen=True)
class TodaysError:
    """An error of today."""

    report: JsonObject
    """The body of the report, without its fingerprint and time."""
    by_hour: tuple[int, ...]
    """How often it occurred in each complete hour, the last one first; at most 22 hours."""
    earlier_release: str | None = None
    """The release of the older half of these hours, where it is another one."""
    is_over: bool = False
    """Whether it is resolved at the end of the demo, so that a later demo does not report it again."""

    @property
    def source(self) -> str:
        return str(self.report["source"])

    @property
    def fingerprint(self) -> str:
        return f"{FINGERPRINT_PREFIX}{self.source}"

    def occurrences(self, now: datetime, known_hours: Collection[datetime]) -> list[JsonObject]:
        """The reports of the hours of which none is known, the oldest first."""
        this_hour = now.replace(minute=0, second=0, microsecond=0)
        reports: list[JsonObject] = []
        for ago, count in sorted(enumerate(self.by_hour, start=1), reverse=True):
            hour = this_hour - timedelta(hours=ago)
            if hour in known_hours:
                continue
            for number in range(count):
                at = hour + timedelta(minutes=2) + timedelta(minutes=56) * number / count
                report = {**self.report, "fingerprint": self.fingerprint, "timestamp": at.isoformat()}
                if self.earlier_release is not None and ago > len(self.by_hour) / 2:
                    report["release"] = self.earlier_release
                reports.append(report)
        return reports

    def repeat(self) -> JsonObject:
        """The report of an occurrence now."""
        return {**self.report, "fingerprint": self.fingerprint}


@dataclass(frozen=True)
class Fix:
    """What is known about an error before the day begins."""

    pattern: str
    error_type: str
    root_cause: str
    solution: str


POOL_FIX = Fix(
    POOL_MESSAGE,
    POOL_TYPE,
    "A request keeps its session open while it waits for the price service, so that the pool runs out.",
    "Close the session before the call of the price service, and set pool_pre_ping; restart checkout afterwards.",
)
MAIL_FIX = Fix(
    MAIL_MESSAGE,
    MAIL_TYPE,
    "The mail provider allows 20 connections at a time; the mailer opened one for each message.",
    "Set MAILER_CONNECTIONS to 10 and restart the mailer. Messages in the queue are sent by themselves.",
)
FIXES = (POOL_FIX, MAIL_FIX)
PRICE_SOLUTION = "Render the cart only after the prices have been loaded."
PRICE_CAUSE = "The new cart API omits the prices of sold-out items."

PAYMENTS = TodaysError(
    {
        "error": {
            "message": "Captured the payment of order 1042 twice",
            "type": "DoubleChargeError",
            "code": "double_charge",
            "stack": _DOUBLE_CHARGE_STACK,
        },
        "severity": "CRITICAL",
        "category": "backend",
        "source": "payments",
        "environment": "production",
        "release": "payments@7.3.0",
        "context": {"provider": "stripe", "region": "eu-central-1", "retries": 3},
    },
    (2, 1),
)
CHECKOUT = TodaysError(
    {
        "error": {"message": POOL_MESSAGE, "type": POOL_TYPE, "stack": POOL_STACK},
        "severity": "HIGH",
        "source": "checkout",
        "environment": "production",
        "release": "checkout@2.14.0",
        "url": "https://shop.example/api/basket",
        "context": {"pool": {"size": 10, "overflow": 5, "checked_out": 15}, "worker": "checkout-6f9c"},
    },
    (31, 44, 26, 12, 5),
)
ORDERS = TodaysError(
    {
        "error": {
            "message": "connect ECONNREFUSED 10.0.0.7:8080",
            "type": "Error",
            "code": "ECONNREFUSED",
            "stack": _REFUSED_STACK,
        },
        "source": "orders",
        "environment": "production",
        "release": "orders@3.9.2",
        "context": {"upstream": "stock", "attempt": 5, "node": "v22.11.0"},
    },
    (9, 14, 22, 6, 3, 1),
)
SHOP = TodaysError(
    {
        "error": {
            "message": "Cannot read properties of undefined (reading 'price')",
            "type": "TypeError",
            "stack": _PRICE_STACK,
        },
        "severity": "MEDIUM",
        "category": "frontend",
        "source": "shop",
        "environment": "production",
        "release": "shop@1.42.1",
        "url": "https://shop.example/cart",
        "context": {"browser": "Firefox 140", "locale": "de-DE", "items": 4},
    },
    (6, 9, 4, 7, 11, 8, 3, 2, 1, 0, 0, 1, 2, 5, 4),
    earlier_release="shop@1.42.0",
)
SEARCH = TodaysError(
    {
        "error": {
            "message": "index [products-v12] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage]",
            "type": "AuthorizationException",
            "stack": _READ_ONLY_STACK,
        },
        "severity": "HIGH",
        "category": "infrastructure",
        "source": "search",
        "environment": "production",
        "release": "search@1.9.2",
    },
    (0, 0, 0, 0, 0, 0, 0, 17, 9),
)
SIGN_IN = TodaysError(
    {
        "error": {
            "message": "412 failed sign-ins for 380 accounts from 203.0.113.0/24 within 10 minutes",
            "type": "CredentialStuffing",
        },
        "severity": "MEDIUM",
        "category": "security",
        "source": "sign-in",
        "environment": "production",
        "context": {"network": "203.0.113.0/24", "accounts": 380, "successful": 0},
    },
    (1, 0, 1),
)
MAILER = TodaysError(
    {
        "error": {"message": MAIL_MESSAGE, "type": MAIL_TYPE, "code": "421", "stack": MAIL_STACK},
        "severity": "MEDIUM",
        "category": "infrastructure",
        "source": "mailer",
        "environment": "production",
        "release": "mailer@5.0.3",
    },
    (0, 0, 4, 18, 27),
    is_over=True,
)
CART = TodaysError(
    {
        "error": {"message": "The deprecated endpoint /v1/cart was called", "type": "DeprecationWarning"},
        "level": "warning",
        "severity": "LOW",
        "category": "backend",
        "source": "cart",
        "environment": "production",
        "release": "cart@4.11.0",
        "context": {"caller": "app/ios 8.2", "replacement": "/v2/cart"},
    },
    (3, 5, 4, 6, 2, 3, 7, 5, 4, 2, 1, 0, 0, 1, 0, 2, 3, 4, 6, 5),
)
THUMBNAILS = TodaysError(
    {
        "error": {
            "message": "Input buffer contains unsupported image format",
            "type": "Error",
            "stack": "Error: Input buffer contains unsupported image format\n"
            "    at Sharp.toBuffer (/srv/images/node_modules/sharp/lib/output.js:163:17)\n"
            "    at makeThumbnail (/srv/images/src/thumbnails.ts:52:31)\n"
            "    at handleUpload (/srv/images/src/uploads.ts:118:9)\n"
            "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
        },
        "severity": "LOW",
        "category": "backend",
        "source": "images",
        "environment": "staging",
        "release": "images@0.31.0-rc.2",
    },
    (2, 0, 1, 0, 0, 3),
)
# In the order in which they are reported.
TODAY = (CART, SHOP, SEARCH, THUMBNAILS, ORDERS, MAILER, CHECKOUT, SIGN_IN, PAYMENTS)
