"""How often somebody may ask: a bucket of tokens each, in memory, forgotten when it has long been full."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

#: Buckets that are remembered; whoever was not seen for longest is forgotten first.
MOST = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rates:
    """So many requests a second for each name, and a burst of so many after a rest."""

    def __init__(self, per_second: float, burst: int, seconds: Callable[[], float] = monotonic) -> None:
        self._per_second, self._burst, self._seconds = per_second, burst, seconds
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, name: str) -> float:
        """0 where one more is right, and it is counted; else how many seconds to wait. A rate of 0 has no limit."""
        if not self._per_second:
            return 0
        now = self._seconds()
        bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[name] = bucket
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_second
        bucket.tokens -= 1
        return 0
