"""How fast anybody may ask: a bucket of tokens for each address and each key, in this process alone."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from service import clock

MOST_BUCKETS = 10_000  # of who asked last


@dataclass(frozen=True, slots=True)
class Rate:
    burst: int  # so many at once
    per_second: float  # so many come back


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether one more request may pass, and what its answer says of it."""

    allowed: bool
    limit: int
    remaining: int
    seconds: int  # until the bucket is full again; refused, until one more may pass

    @property
    def headers(self) -> dict[str, str]:
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.seconds),
        }
        return found if self.allowed else {**found, "Retry-After": str(self.seconds)}


@dataclass(slots=True)
class Limits:
    """Several processes have a bucket each: a limit on many is that many times as high."""

    address: Rate = Rate(600, 60)
    key: Rate = Rate(300, 30)
    seconds: Callable[[], float] = clock.seconds
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_address(self, address: str) -> Grant:
        return self._take(f"address {address}", self.address)

    def of_key(self, key: str) -> Grant:
        return self._take(f"key {key}", self.key)

    def _take(self, name: str, rate: Rate) -> Grant:
        with self._lock:
            now = self.seconds()
            tokens, at = self._buckets.pop(name, (float(rate.burst), now))
            tokens = min(rate.burst, tokens + (now - at) * rate.per_second)
            allowed = tokens >= 1
            tokens -= allowed
            self._buckets[name] = (tokens, now)
            while len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        missing = rate.burst - tokens if allowed else 1 - tokens
        return Grant(allowed, rate.burst, int(tokens), math.ceil(missing / rate.per_second))
