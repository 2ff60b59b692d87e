"""The /_control/ endpoints: what a test sees of the simulator and can change.

Everything is JSON.  Control requests are never counted, limited or logged.
"""

import json

from . import changes, csvdump, dialects
from .clock import parse_instant
from .httpd import Response


class Unknown(Exception):
    """No such control path."""


class Control:
    """Dispatches control requests to the parts they concern."""

    def __init__(self, application, describe, stop):
        self.app = application
        self.describe = describe        # function: what the program was started with
        self.stop = stop

    def answer(self, request):
        path = request.path[len("/_control/"):].rstrip("/")
        name, _, rest = path.partition("/")
        handler = getattr(self, "do_" + name.replace("-", "_"), None) if name else None
        try:
            if handler is None:
                raise Unknown("no such control path; there are: "
                              + ", ".join(sorted(self._names())))
            body = json.loads(request.body) if request.body.strip() else {}
            answer = handler(request, rest, body)
        except Unknown as error:
            return _json({"error": str(error)}, 404)
        except (ValueError, KeyError, TypeError) as error:
            return _json({"error": "%s: %s" % (type(error).__name__, error)}, 400)
        if isinstance(answer, Response):
            return answer
        return _json(answer, 200)

    def _names(self):
        return [name[3:] for name in dir(self) if name.startswith("do_")]

    # -- looking ----------------------------------------------------------

    def do_state(self, request, rest, body):
        """GET: everything at a glance."""
        app = self.app
        return {
            "program": self.describe(), "http": app.state(), "last_seq": app.log.last(),
            "limits": app.limits.state(), "tokens": app.oauth.state(),
            "tenants": app.tenants.state(), "switches": app.api.switches.state(),
            "clock": app.clock.state(), "faults": app.faults.state(),
        }

    def do_log(self, request, rest, body):
        """GET: the request log as JSON lines; ?since=SEQ for the newer part."""
        since = int(dict(request.params()).get("since", 0))
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n"
                        for entry in self.app.log.since(since))
        return Response(200, lines.encode("utf-8"),
                        content_type="application/x-ndjson; charset=utf-8")

    def do_tenants(self, request, rest, body):
        """GET: the tenants.  POST: {"disconnect": ID} or {"reconnect": true}."""
        if request.method == "POST":
            if "disconnect" in body:
                self.app.tenants.disconnect(body["disconnect"], body.get("client_id"))
            if body.get("reconnect"):
                self.app.tenants.reconnect()
        return self.app.tenants.state()

    def do_csv(self, request, rest, body):
        """GET csv/TABLE?dialect=practicemanager/3.1[&world=main]."""
        params = dict(request.params())
        name = params.get("dialect", "practicemanager/3.1")
        if name not in dialects.BY_NAME:
            raise Unknown("no such dialect; there are: " + ", ".join(dialects.BY_NAME))
        if rest not in csvdump.names():
            raise Unknown("no such table; there are: " + ", ".join(csvdump.names()))
        world = self.app.worlds[params.get("world", "main")]
        text = csvdump.table(world, rest, dialects.BY_NAME[name])
        if text is None:
            raise Unknown("%s has no table %s" % (name, rest))
        return Response(200, text.encode("utf-8"), content_type="text/csv; charset=utf-8")

    # -- changing ---------------------------------------------------------

    def do_reset(self, request, rest, body):
        """POST {"what": ["counters", "log", "faults", "limits", "clock"]}."""
        what = body.get("what", ["counters", "log", "faults", "limits", "clock"])
        app = self.app
        steps = {
            "counters": lambda: (app.reset_counters(), app.oauth.reset_counts()),
            "log": app.log.clear, "faults": app.faults.remove,
            "limits": app.limits.reset, "clock": lambda: app.clock.set_offset(0),
        }
        for name in what:
            if name not in steps:
                raise ValueError("nothing to reset is called %s" % name)
            steps[name]()
        return {"reset": what}

    def do_faults(self, request, rest, body):
        """GET: the rules.  POST: a rule or a list.  DELETE [faults/ID]."""
        faults = self.app.faults
        if request.method == "POST":
            rules = body if isinstance(body, list) else [body]
            return {"ids": [faults.add(rule) for rule in rules]}
        if request.method == "DELETE":
            return {"removed": faults.remove(int(rest) if rest else None)}
        return faults.state()

    def do_release(self, request, rest, body):
        """POST: no more rules, and what is held up by one goes on at once."""
        if request.method == "POST":
            return {"removed": self.app.faults.release()}
        return self.app.faults.state()

    def do_clock(self, request, rest, body):
        """POST {"advance": S} | {"offset": S} | {"freeze": TIME or null} | {"run": true}."""
        clock = self.app.clock
        if request.method == "POST":
            if "offset" in body:
                clock.set_offset(float(body["offset"]))
            if "freeze" in body:
                at = body["freeze"]
                clock.freeze(None if at in (None, True) else parse_instant(at))
            if "advance" in body:
                clock.advance(float(body["advance"]))
            if body.get("run"):
                clock.run()
        return clock.state()

    def do_tokens(self, request, rest, body):
        """GET: generations and counts.  POST: {"expire_access": true},
        {"expire_refresh": true}, {"revoke": true}, each with an optional "grant";
        {"rotation": MODE}, {"access_token_seconds": N},
        {"new_client": {"client_id": C, "secret": S or null, "redirect_uris": [...]}},
        {"new_grant": {"client_id": C, "refresh_token": T, "scope": S, "vendor": V}},
        {"current": GRANT} for the newest unused refresh token.
        GET tokens/issued: every token there is or was."""
        oauth = self.app.oauth
        if rest == "issued":
            return oauth.issued()
        answer = {}
        if request.method == "POST":
            grant = body.get("grant")
            if body.get("expire_access"):
                oauth.expire_access(grant)
            if body.get("expire_refresh"):
                oauth.expire_refresh(grant)
            if body.get("revoke"):
                oauth.revoke(grant)
            if "rotation" in body:
                oauth.set_rotation(body["rotation"])
            if "access_token_seconds" in body:
                oauth.access_seconds = float(body["access_token_seconds"])
            if "new_client" in body:
                oauth.add_client(**body["new_client"])
            if "new_grant" in body:
                made = oauth.add_grant(**body["new_grant"])
                answer["grant"] = made.number
                answer["refresh_token"] = oauth.current_refresh_token(made.number)
            if "current" in body:
                answer["refresh_token"] = oauth.current_refresh_token(int(body["current"]))
        answer.update(oauth.state())
        return answer

    def do_replay(self, request, rest, body):
        """POST {"path": "staff.api/list", "recording": NAME or null}."""
        if self.app.replay is None:
            raise Unknown("not started with --replay")
        if request.method == "POST":
            self.app.replay.choose(body["path"], body["recording"])
        return self.app.replay.state()

    def do_data(self, request, rest, body):
        """POST {"op": "add|change|delete", "table": T, "key": {"uuid": U},
        "set": {"name": "x"}}, or a list of these; see changes.py."""
        world = self.app.worlds[dict(request.params()).get("world", "main")]
        if request.method == "POST":
            wanted = body if isinstance(body, list) else [body]
            return {"uuids": [changes.apply(world, change, self.app.clock.now())
                              for change in wanted]}
        return {name: len(rows) for name, rows in world.tables.items()}

    def do_limits(self, request, rest, body):
        """GET: limits and counts.  POST: {"minute": 60, "enforced": true, ...}."""
        if request.method == "POST":
            self.app.limits.set(body)
        return self.app.limits.state()

    def do_switches(self, request, rest, body):
        """GET: the switches.  POST: {"to": "exclusive", "window_zone": 12, ...}."""
        if request.method == "POST":
            self.app.api.switches.set(body)
        return self.app.api.switches.state()

    def do_stop(self, request, rest, body):
        """POST: end the program."""
        answer = _json({"stopping": request.method == "POST"}, 200)
        if request.method == "POST":
            answer.then = self.stop
        return answer


def _json(body, status):
    return Response(status, json.dumps(body, ensure_ascii=False, indent=1).encode("utf-8")
                    + b"\n", content_type="application/json; charset=utf-8")
