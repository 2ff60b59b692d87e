"""The simulator's clock: the real time plus an offset, or a frozen instant.

Token expiry, rate-limit windows and connection dates all ask this clock, so
a test can let half an hour or sixty days pass at once.
"""

import datetime
import threading
import time

UTC = datetime.timezone.utc


class Clock:
    """Seconds since the epoch, as the simulated vendor sees them."""

    def __init__(self, start=None):
        self._lock = threading.Lock()
        self._offset = 0.0
        self._frozen = None
        if start is not None:
            self._offset = start - time.time()

    def now(self):
        """The simulated time in seconds since the epoch."""
        with self._lock:
            if self._frozen is not None:
                return self._frozen
            return time.time() + self._offset

    def advance(self, seconds):
        """Move the clock on (or back) by some seconds, frozen or not."""
        with self._lock:
            if self._frozen is not None:
                self._frozen += seconds
            else:
                self._offset += seconds

    def set_offset(self, seconds):
        """Run, and differ from the real time by exactly this much."""
        with self._lock:
            self._frozen = None
            self._offset = seconds

    def freeze(self, at=None):
        """Stand still, at the given time or at the present one."""
        current = self.now()
        with self._lock:
            self._frozen = current if at is None else at

    def run(self):
        """Go on from where the clock was frozen."""
        with self._lock:
            if self._frozen is not None:
                self._offset = self._frozen - time.time()
                self._frozen = None

    def state(self):
        """What /_control/clock shows."""
        now = self.now()
        with self._lock:
            return {
                "now": now,
                "now_utc": iso_seconds(now),
                "offset": now - time.time(),
                "frozen": self._frozen is not None,
            }


def iso_seconds(stamp):
    """2026-11-22T04:45:00Z"""
    when = datetime.datetime.fromtimestamp(stamp, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_instant(text):
    """Seconds since the epoch from a number or an ISO date-time (UTC)."""
    if isinstance(text, (int, float)):
        return float(text)
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp()
