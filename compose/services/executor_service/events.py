"""What happened to an order, told to whoever follows the Redis stream."""

from __future__ import annotations

import logging
from typing import Any

from athena.stores import Row
from athena.trading import EVENT_STREAM
from prometheus_client import Counter
from redis import Redis, RedisError

_log = logging.getLogger(__name__)

KEPT_EVENTS = 10_000
_FIELDS = ("id", "account", "client_id", "symbol", "side", "quantity", "status", "reason", "price")


class Events:
    """Publishes orders that are committed, never earlier: an event must not be untrue."""

    def __init__(self, redis: Redis, published: Counter) -> None:
        self._redis = redis
        self._published = published

    def publish(self, order: Row) -> None:
        """Add the event to the stream.

        The order stands, whether or not the stream can be told: a failure is logged and
        counted, and is not the caller's.
        """
        event: dict[Any, Any] = {"type": f"order.{order['status']}"}
        event |= {name: str(order[name]) for name in _FIELDS if order[name] is not None}
        try:
            self._redis.xadd(EVENT_STREAM, event, maxlen=KEPT_EVENTS, approximate=True)
        except RedisError:
            _log.exception("event not published", extra={"order": str(order["id"])})
            self._published.labels("failed").inc()
        else:
            self._published.labels("published").inc()
