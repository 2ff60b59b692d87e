"""Rules that make an answer go wrong.

A rule has a `match` (which requests), a `count` (how often), and an `action`
(what goes wrong).  All of it is JSON, sent to /_control/faults:

  {"match": {"path": "/practicemanager/3.1/time.api", "method": "GET",
             "query": {"from": "20250101"}},
   "skip": 2, "count": 1, "every": 1,
   "action": {"status": 503, "body": "busy", "delay": 0.5}}

`path` is the beginning of the decoded path, or a part of it when it begins
with `*`.  The first `skip` matches pass untouched, then every `every`-th one
is spoilt, `count` times (absent: for ever).  The first rule that applies wins.
"""

import itertools
import threading
import uuid

from . import xmlout
from .api import problem
from .httpd import Response

# Answered in place of the API.
INSTEAD = {"status", "body", "headers", "html", "retry_after", "error_text", "redirect",
           "unavailable"}
# Done to the answer of the API, or to the one in its place.
SPOILS = {"content_type", "content_encoding", "repeat_body", "pad", "extra_headers",
          "remove_headers"}
# Done while the answer is delivered (httpd.py).
DELIVERY = {"delay", "drop", "stall_after", "stall_seconds", "cut_after", "how", "drip",
            "truncate_gzip", "force_gzip", "chunked", "no_length", "endless",
            "endless_headers", "gzip_bomb"}
STEERING = {"after_processing", "delay_before"}
NUMBERS = {"status", "delay", "delay_before", "stall_after", "stall_seconds", "cut_after",
           "truncate_gzip", "gzip_bomb", "repeat_body", "pad", "extra_headers"}
CHOICES = {"drop": ("close", "rst"), "how": ("close", "rst")}
ACTIONS = INSTEAD | SPOILS | DELIVERY | STEERING

HTML = (b"<!DOCTYPE html><html><head><title>Service unavailable</title></head>"
        b"<body><h1>We'll be right back</h1></body></html>")


class Rule:
    """One rule and how often it was used."""

    def __init__(self, number, spec):
        unknown = set(spec) - {"match", "skip", "count", "every", "action"}
        if unknown:
            raise ValueError("a rule has no %s" % ", ".join(sorted(unknown)))
        self.number = number
        self.spec = spec
        match = spec.get("match", {})
        unknown = set(match) - {"path", "method", "query", "headers"}
        if unknown:
            raise ValueError("a match has no %s" % ", ".join(sorted(unknown)))
        self.path = match.get("path", "/")
        self.method = match.get("method")
        self.query = match.get("query", {})
        self.headers = {k.lower(): v for k, v in match.get("headers", {}).items()}
        self.skip = int(spec.get("skip", 0))
        self.count = spec.get("count")
        self.every = max(1, int(spec.get("every", 1)))
        self.action = spec.get("action", {})
        unknown = set(self.action) - ACTIONS
        if unknown or not self.action:
            raise ValueError("no such action: %s (there are %s)" % (
                ", ".join(sorted(unknown)) or "(none)", ", ".join(sorted(ACTIONS))))
        for name in NUMBERS & set(self.action):
            float(self.action[name])
        for name, choices in CHOICES.items():
            if self.action.get(name, choices[0]) not in choices:
                raise ValueError("%s is one of %s" % (name, ", ".join(choices)))
        self.seen = 0
        self.used = 0

    def wants(self, request):
        """Whether this request is one of the rule's, and its turn."""
        if self.method and request.method != self.method:
            return False
        if self.path.startswith("*"):
            if self.path[1:] not in request.path:
                return False
        elif not request.path.startswith(self.path):
            return False
        params = {name.lower(): value for name, value in request.params()}
        if any(params.get(k.lower()) != v for k, v in self.query.items()):
            return False
        if any(request.header(k) != v for k, v in self.headers.items()):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip - 1) % self.every:
            return False
        if self.count is not None and self.used >= self.count:
            return False
        self.used += 1
        return True

    def before(self):
        """The answer in the API's place, or None to let the API answer."""
        if self.action.get("after_processing") or not INSTEAD & set(self.action):
            return None
        return self._deliver(self._spoil(self._instead()))

    def after(self, response):
        """What becomes of the API's answer."""
        if INSTEAD & set(self.action):
            response = self._instead()
        return self._deliver(self._spoil(response))

    def _instead(self):
        action = self.action
        headers = list(action.get("headers", {}).items())
        body = action.get("body", "")
        if isinstance(body, str):
            body = body.encode("utf-8")
        status = action.get("status")
        content_type = None
        if "error_text" in action:
            body = xmlout.error("List", action["error_text"])
            content_type, status = "text/xml; charset=utf-8", status or 200
        elif "retry_after" in action:
            status = status or 429
            if action["retry_after"] is not None:
                headers.append(("retry-after", str(action["retry_after"])))
            if not any(name.lower() == "x-rate-limit-problem" for name, _ in headers):
                headers.append(("x-rate-limit-problem", "minute"))
        elif action.get("unavailable"):
            correlation = str(uuid.uuid4())
            return problem(503, "Unavailable", "ServiceNotAvailable", correlation)
        elif action.get("html"):
            body, content_type, status = HTML, "text/html", status or 200
        elif "redirect" in action:
            headers.append(("location", action["redirect"]))
            status = status or 302
        elif body and status in (None, 200):
            content_type = "text/xml; charset=utf-8"
        headers.append(("xero-correlation-id", str(uuid.uuid4())))
        return Response(int(status or 200), body, headers, content_type=content_type)

    def _spoil(self, response):
        action = self.action
        if "content_type" in action:
            response.content_type = action["content_type"]
            response.headers = [(n, v) for n, v in response.headers if n != "content-type"]
        if "content_encoding" in action:
            response.headers.append(("content-encoding", action["content_encoding"]))
        if "repeat_body" in action:
            response.body = response.body * int(action["repeat_body"])
            response.gzipped = None
        if "pad" in action:
            response.body = response.body + b" " * int(action["pad"])
            response.gzipped = None
        for number in range(int(action.get("extra_headers", 0))):
            response.headers.append(("x-extra-%d" % number, "x" * 100))
        if "remove_headers" in action:
            gone = {name.lower() for name in action["remove_headers"]}
            response.headers = [(n, v) for n, v in response.headers if n.lower() not in gone]
            if "content-type" in gone:
                response.content_type = None
        return response

    def _deliver(self, response):
        delivery = {key: self.action[key] for key in DELIVERY if key in self.action}
        response.delivery = delivery or None
        return response

    def state(self):
        return {"id": self.number, "seen": self.seen, "used": self.used, "rule": self.spec}


class Faults:
    """The rules in force, oldest first."""

    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules = []
        self.released = threading.Event()   # of the requests that begin now

    def add(self, spec):
        with self._lock:
            rule = Rule(next(self._numbers), spec)
            self._rules.append(rule)
            return rule.number

    def remove(self, number=None):
        """Drop one rule, or all; how many were dropped."""
        with self._lock:
            before = len(self._rules)
            self._rules = [] if number is None else \
                [rule for rule in self._rules if rule.number != number]
            return before - len(self._rules)

    def release(self):
        """Drop all rules, and end every delay, stall and drip under way."""
        removed = self.remove()
        with self._lock:
            released, self.released = self.released, threading.Event()
        released.set()
        return removed

    def match(self, request):
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.wants(request):
                    return rule
        return None

    def state(self):
        with self._lock:
            return [rule.state() for rule in self._rules]
