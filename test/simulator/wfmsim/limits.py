"""Rate limits as the Xero gateway counts them.

For each app and tenant: calls at once, calls a minute, calls a day; for each
app a minute limit over all tenants.  Windows are fixed and begin at a moment
that differs from tenant to tenant; a switch turns the minute window into a
sliding one.  A refused call is not counted.  While limits are not enforced
answers say nothing of them: a client would obey what it reads.
"""

import threading
import zlib
from collections import deque

MINUTE = 60
DAY = 86400


class _Tenant:
    def __init__(self, phase):
        self.phase = phase
        self.minute_window = None
        self.minute_used = 0
        self.stamps = deque()
        self.day_window = None
        self.day_used = 0
        self.active = 0
        self.highest = 0
        self.calls = 0
        self.refused = {}


class Limits:
    """Counters of every tenant; all methods may be called from any thread."""

    NUMBERS = ("minute", "day", "concurrent", "app_minute")

    def __init__(self, clock, minute=60, day=5000, concurrent=5, app_minute=10000,
                 sliding=False, enforced=True):
        self.clock = clock
        self.minute = minute
        self.day = day
        self.concurrent = concurrent
        self.app_minute = app_minute
        self.sliding = sliding
        self.enforced = enforced
        self._lock = threading.Lock()
        self._tenants = {}
        self._app_window = None
        self._app_used = 0

    def _tenant(self, name):
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = _Tenant(zlib.crc32(name.encode()) % MINUTE)
            self._tenants[name] = tenant
        return tenant

    def _roll(self, tenant, now):
        window = int((now - tenant.phase) // MINUTE)
        if window != tenant.minute_window:
            tenant.minute_window = window
            tenant.minute_used = 0
        while tenant.stamps and tenant.stamps[0] <= now - MINUTE:
            tenant.stamps.popleft()
        window = int((now - tenant.phase * 60) // DAY)
        if window != tenant.day_window:
            tenant.day_window = window
            tenant.day_used = 0
        window = int(now // MINUTE)
        if window != self._app_window:
            self._app_window = window
            self._app_used = 0

    def _minute_used(self, tenant):
        return len(tenant.stamps) if self.sliding else tenant.minute_used

    def _headers(self, tenant):
        if not self.enforced:
            return []
        return [
            ("x-daylimit-remaining", str(max(0, self.day - tenant.day_used))),
            ("x-minlimit-remaining", str(max(0, self.minute - self._minute_used(tenant)))),
            ("x-appminlimit-remaining", str(max(0, self.app_minute - self._app_used))),
        ]

    def app_headers(self):
        """What an answer says that knows the app but no tenant (403)."""
        with self._lock:
            now = self.clock.now()
            window = int(now // MINUTE)
            if window != self._app_window:
                self._app_window, self._app_used = window, 0
            self._app_used += 1
            if not self.enforced:
                return []
            return [("x-appminlimit-remaining",
                     str(max(0, self.app_minute - self._app_used)))]

    def enter(self, name):
        """A call of a tenant begins.

        Returns (problem, headers): the problem is None when the call may go
        on, and leave() must follow; otherwise it names the limit, and the
        headers hold Retry-After where the vendor promises one.
        """
        with self._lock:
            now = self.clock.now()
            tenant = self._tenant(name)
            self._roll(tenant, now)
            problem, wait = self._problem(tenant, now)
            if problem and self.enforced:
                tenant.refused[problem] = tenant.refused.get(problem, 0) + 1
                headers = self._headers(tenant)
                if wait is not None:
                    headers.insert(0, ("retry-after", str(wait)))
                headers.append(("x-rate-limit-problem", problem))
                return problem, headers
            tenant.active += 1
            tenant.highest = max(tenant.highest, tenant.active)
            tenant.calls += 1
            tenant.minute_used += 1
            tenant.stamps.append(now)
            tenant.day_used += 1
            self._app_used += 1
            return None, self._headers(tenant)

    def _problem(self, tenant, now):
        if tenant.day_used >= self.day:
            left = DAY - (now - tenant.phase * 60) % DAY
            return "day", int(left) + 1
        if self._app_used >= self.app_minute:
            return "appminute", int(MINUTE - now % MINUTE) + 1
        if self._minute_used(tenant) >= self.minute:
            if self.sliding:
                left = tenant.stamps[0] + MINUTE - now
            else:
                left = MINUTE - (now - tenant.phase) % MINUTE
            return "minute", int(left) + 1
        if tenant.active >= self.concurrent:
            return "concurrent", None
        return None, None

    def leave(self, name):
        """The call has been answered to its last byte, or its peer is gone."""
        with self._lock:
            self._tenants[name].active -= 1

    def active(self, name):
        with self._lock:
            return self._tenant(name).active

    def set(self, changes):
        """Change limits while running; unknown names are an error."""
        with self._lock:
            for key, value in changes.items():
                if key in self.NUMBERS:
                    setattr(self, key, int(value))
                elif key in ("sliding", "enforced"):
                    setattr(self, key, bool(value))
                else:
                    raise ValueError("no such limit: %s" % key)

    def reset(self):
        """Forget what was counted; calls in flight stay in flight."""
        with self._lock:
            for tenant in self._tenants.values():
                tenant.minute_used = tenant.day_used = tenant.calls = 0
                tenant.stamps.clear()
                tenant.refused = {}
                tenant.highest = tenant.active
            self._app_used = 0

    def state(self):
        with self._lock:
            return {
                "limits": {name: getattr(self, name) for name in
                           self.NUMBERS + ("sliding", "enforced")},
                "app_minute_used": self._app_used,
                "tenants": {name: {
                    "calls": tenant.calls,
                    "minute_used": self._minute_used(tenant),
                    "minute_phase": tenant.phase,
                    "day_used": tenant.day_used,
                    "active": tenant.active,
                    "highest_concurrency": tenant.highest,
                    "refused": dict(tenant.refused),
                } for name, tenant in self._tenants.items()},
            }
