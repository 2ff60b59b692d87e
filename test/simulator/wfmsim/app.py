"""One request from arrival to log entry.

The order of the gates is the gateway's: token (401), tenant (403), limits
(429), then the application.  Requests to /_control/ pass none of them and
are neither counted nor logged.
"""

import collections
import json
import sys
import threading
import time
import traceback
import uuid

from . import dialects, nouns
from .api import problem
from .httpd import Response


class Exchange:
    """One request while it is under way."""

    def __init__(self, request, arrival, released):
        self.request = request
        self.arrival = arrival
        self.released = released        # an event: what holds it up is over
        self.started = time.time()
        self.clock = time.monotonic()
        self.control = request.path.startswith("/_control/")
        self.response = None
        self.tenant = None
        self.grant = None
        self.generation = None
        self.limit_name = None
        self.concurrent = 0
        self.fault = None
        self.dialect = None
        self.refresh_token = None       # presented to the token endpoint
        self.note = None
        self.ended = False


class Log:
    """Every answered request, oldest first; also to a file when asked."""

    KEEP = 200000

    def __init__(self, path=None):
        self._lock = threading.Lock()
        self._entries = collections.deque(maxlen=self.KEEP)
        self._sequence = 0
        self._file = open(path, "a", encoding="utf-8") if path else None

    def add(self, entry):
        with self._lock:
            self._sequence += 1
            entry = dict(seq=self._sequence, **entry)
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self._file.flush()

    def since(self, number):
        with self._lock:
            return [entry for entry in self._entries if entry["seq"] > number]

    def last(self):
        with self._lock:
            return self._sequence

    def clear(self):
        with self._lock:
            self._entries.clear()


class Application:
    """Everything behind the HTTP server."""

    def __init__(self, clock, tenants, oauth, limits, api, worlds, log, faults, replay=None):
        self.clock = clock
        self.tenants = tenants
        self.oauth = oauth
        self.limits = limits
        self.api = api
        self.worlds = worlds
        self.log = log
        self.faults = faults
        self.replay = replay
        self.control = None             # control.Control, set by its maker
        self._lock = threading.Lock()
        self._arrivals = 0
        self._active = {}
        self.highest = 0
        self.requests = 0

    # -- called by the HTTP server ----------------------------------------

    def begin(self, request):
        with self._lock:
            self._arrivals += 1
            exchange = Exchange(request, self._arrivals, self.faults.released)
            if not exchange.control:
                self._active[exchange.arrival] = exchange
                self.requests += 1
                exchange.concurrent = len(self._active)
                self.highest = max(self.highest, len(self._active))
        return exchange

    def answer(self, exchange):
        """The response, with every fault that a test has asked for.

        A mistake of the simulator itself is a 500 that says so.
        """
        try:
            if exchange.control:
                exchange.response = self.control.answer(exchange.request)
            else:
                exchange.response = self._with_faults(exchange)
        except Exception:                   # noqa: BLE001 (reported, not hidden)
            text = "simulator error\n" + traceback.format_exc()
            sys.stderr.write(text)
            exchange.response = Response(500, text.encode(),
                                         content_type="text/plain; charset=utf-8")
        return exchange.response

    def _with_faults(self, exchange):
        rule = self.faults.match(exchange.request)
        if rule is None:
            return self._answer(exchange)
        exchange.fault = rule.number
        exchange.released.wait(float(rule.action.get("delay_before", 0)))
        response = rule.before()
        if response is None:
            response = rule.after(self._answer(exchange))
        response.released = exchange.released
        return response

    def end(self, exchange, sent, outcome):
        """An exchange is over: free what it held and log it, once."""
        if exchange.ended:
            return
        exchange.ended = True
        if exchange.limit_name is not None:
            self.limits.leave(exchange.limit_name)
        if exchange.refresh_token is not None:
            self.oauth.answered(exchange.refresh_token)
        if exchange.control:
            return
        with self._lock:
            self._active.pop(exchange.arrival, None)
        request = exchange.request
        response = exchange.response
        headers = {name: value for name, value in request.headers.items()
                   if name != "authorization"}
        if "authorization" in request.headers:
            scheme = request.headers["authorization"].split(" ")[0]
            headers["authorization"] = scheme + " (removed)"
        self.log.add({
            "arrival": exchange.arrival,
            "time": exchange.started,
            "method": request.method,
            "path": request.path,
            "target": request.target,
            "query": dict(request.params()),
            "dialect": exchange.dialect,
            "tenant": exchange.tenant,
            "grant": exchange.grant,
            "token_generation": exchange.generation,
            "authorization": "authorization" in request.headers,
            "status": response.status if response is not None else None,
            "bytes": sent,
            "body_bytes": len(response.body) if response is not None else None,
            "duration": round(time.monotonic() - exchange.clock, 6),
            "concurrent": exchange.concurrent,
            "outcome": outcome,
            "note": exchange.note,
            "fault": exchange.fault,
            "connection": request.connection,
            "reused": request.reused,
            "headers": headers,
        })

    # -- the gates --------------------------------------------------------

    def _answer(self, exchange):
        request = exchange.request
        path = request.path
        if path in ("/connect/token", "/identity/connect/token"):
            return self.oauth.token(exchange, "xero")
        if path == "/oauth/token":
            return self.oauth.token(exchange, "bluerock")
        if path in ("/identity/connect/authorize", "/connect/authorize"):
            return self.oauth.authorize(request, "xero")
        if path == "/oauth/authorize":
            return self.oauth.authorize(request, "bluerock")
        if path == "/.well-known/openid-configuration":
            return self.oauth.discovery(request)
        if path == "/connect/revocation":
            return self.oauth.revocation(request)
        if path == "/connections" or path.startswith("/connections/"):
            access, refusal = self._bearer(exchange, "xero")
            if refusal is not None:
                return refusal
            return self._dress(request, self.tenants.answer(
                request, access, path[len("/connections/"):]))
        for dialect in dialects.DIALECTS:
            if request.raw_path.startswith(dialect.prefix):
                exchange.dialect = dialect.name
                return self._dress(request, self._data(
                    exchange, dialect, request.raw_path[len(dialect.prefix):]))
        return problem(404, "Not Found", "ResourceNotFound", str(uuid.uuid4()))

    def _bearer(self, exchange, vendor):
        """(access token, None) or (None, the 401)."""
        access, detail = self.oauth.check(exchange.request, vendor)
        if access is not None:
            exchange.grant = access.grant.number
            exchange.generation = access.generation
        if detail is None:
            return access, None
        correlation = str(uuid.uuid4())
        response = problem(401, "Unauthorized", detail, correlation)
        response.content_type = None        # recorded without one
        response.headers = [("www-authenticate", "Bearer error=invalid_token"),
                            ("xero-correlation-id", correlation)]
        return None, self._dress(exchange.request, response)

    def _forbidden(self, detail="AuthenticationUnsuccessful"):
        correlation = str(uuid.uuid4())
        response = problem(403, "Forbidden", detail, correlation)
        response.headers = self.limits.app_headers()
        response.headers.append(("xero-correlation-id", correlation))
        return response

    def _data(self, exchange, dialect, rest):
        request = exchange.request
        access, refusal = self._bearer(exchange, dialect.vendor)
        if refusal is not None:
            return refusal
        if not _allowed(dialect.scope, access.grant.scope):
            return self._forbidden("InsufficientPermissions")
        name = request.header(dialect.tenant_header, "")
        tenant = self.tenants.find(access.grant.client_id, name)
        if tenant is None or tenant.kind != dialect.tenant_type:
            return self._forbidden()
        exchange.tenant = tenant.tenant_id
        limit_name = "%s/%s" % (access.grant.client_id, tenant.tenant_id)
        trouble, headers = self.limits.enter(limit_name)
        if trouble is not None:
            return Response(429, b"", headers, compress=False)
        exchange.limit_name = limit_name
        exchange.concurrent = self.limits.active(limit_name)
        if self.replay is not None:
            response = self.replay.answer(rest, request)
        elif dialect.letter == "N":
            response = nouns.answer(self.worlds[tenant.world], request, rest)
        else:
            response = self.api.answer(dialect, self.worlds[tenant.world], request, rest)
        given = {name for name, _ in response.headers}
        response.headers = [h for h in headers if h[0] not in given] + response.headers
        return response

    @staticmethod
    def _dress(request, response):
        """The headers every answer of the gateway was recorded with."""
        names = {name for name, _ in response.headers}
        for name, value in (("server", "Kestrel" if response.status != 429 else "nginx"),
                            ("xero-correlation-id", str(uuid.uuid4())),
                            ("cache-control", "max-age=0, no-cache, no-store"),
                            ("pragma", "no-cache")):
            if name not in names:
                response.headers.append((name, value))
        if request.scheme == "https" and "x-client-tls-ver" not in names:
            response.headers.append(("x-client-tls-ver", "tls1.3"))
        return response

    def state(self):
        with self._lock:
            now = time.monotonic()
            return {
                "requests": self.requests,
                "highest_concurrency": self.highest,
                "active": [{"arrival": e.arrival, "method": e.request.method,
                            "path": e.request.path, "tenant": e.tenant,
                            "seconds": round(now - e.clock, 3)}
                           for e in self._active.values()],
            }

    def reset_counters(self):
        with self._lock:
            self.requests = 0
            self.highest = len(self._active)


def _allowed(wanted, scope):
    """Whether a consent covers a dialect: the scope itself or a part of it."""
    return any(s == wanted or s.startswith(wanted + ".") for s in scope.split())

