"""What the tests share: a running simulator and a small HTTP client.

The simulator runs as its users run it, as a program of its own; the client
is http.client from the standard library and knows nothing of the API.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import unittest
import urllib.parse
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(HERE), "wfm-simulator")
SMALL = ["--clients", "60", "--jobs", "240", "--staff", "6", "--time", "2000",
         "--today", "2026-03-15"]

# Longer than anything takes on a slow machine: what is waited for comes, or
# never does.
PATIENCE = 60
# An answer that is held up for this long is meant to be released.
HELD = 600

sys.path.insert(0, os.path.dirname(HERE))


class Answer:
    """A response read to its end."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def xml(self):
        return ET.fromstring(self.body)

    def header(self, name):
        return self.headers.get(name.lower())


class Simulator:
    """A simulator process and one keep-alive connection to it."""

    def __init__(self, *arguments, data=SMALL):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--port", "0", "--exit-with-stdin", *data, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise RuntimeError("the simulator did not start: %r" % line)
        words = line.split()
        self.url = words[1]
        self.parts = urllib.parse.urlsplit(self.url)
        self.tenants = dict(word.split("=") for word in words[3:])
        self.connection = None
        self.token = None
        self.refresh_token = "sim-refresh-token"

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def connect(self):
        """A new connection."""
        if self.parts.scheme == "https":
            return http.client.HTTPSConnection(
                self.parts.hostname, self.parts.port, timeout=PATIENCE,
                context=ssl._create_unverified_context())
        return http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=PATIENCE)

    def call(self, method, path, headers=None, body=None, connection=None):
        """One request; on the kept connection unless told otherwise."""
        if connection is None:
            if self.connection is None:
                self.connection = self.connect()
            connection = self.connection
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status,
                      {k.lower(): v for k, v in response.getheaders()}, content)

    # -- OAuth ------------------------------------------------------------

    def post_token(self, form, basic=("sim-client", "sim-secret"), path="/connect/token"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if basic is not None:
            text = base64.b64encode(("%s:%s" % basic).encode()).decode()
            headers["Authorization"] = "Basic " + text
        return self.call("POST", path, headers, urllib.parse.urlencode(form))

    def refresh(self):
        """Rotate the test's own refresh token; the new access token."""
        answer = self.post_token({"grant_type": "refresh_token",
                                  "refresh_token": self.refresh_token}).json()
        self.token = answer["access_token"]
        self.refresh_token = answer["refresh_token"]
        return self.token

    # -- the data API -----------------------------------------------------

    def get(self, path, dialect="practicemanager/3.1", **headers):
        """GET below a dialect with token and tenant."""
        if self.token is None:
            self.refresh()
        tenant = self.tenants[dialect.split("/")[0]]
        fields = {"Authorization": "Bearer " + self.token, "Xero-Tenant-Id": tenant}
        fields.update({k.replace("_", "-"): v for k, v in headers.items()})
        fields = {k: v for k, v in fields.items() if v is not None}
        return self.call("GET", "/%s/%s" % (dialect, path), fields)

    def records(self, path, dialect="practicemanager/3.1", tag=None):
        """The records of a list."""
        answer = self.get(path, dialect)
        if answer.status != 200:
            raise AssertionError("%s: %d %r" % (path, answer.status, answer.body[:200]))
        root = answer.xml()
        if root.findtext("Status") != "OK":
            raise AssertionError("%s: %r" % (path, answer.body[:200]))
        collection = [child for child in root
                      if child.tag not in ("Status", "Pagination", "Records")]
        rows = list(collection[0])
        return [row for row in rows if tag is None or row.tag == tag]

    # -- control ----------------------------------------------------------

    def control(self, path, body=None, method=None):
        method = method or ("GET" if body is None else "POST")
        answer = self.call(method, "/_control/" + path,
                           body=None if body is None else json.dumps(body))
        if answer.status != 200:
            raise AssertionError("%s: %d %r" % (path, answer.status, answer.body))
        kind = answer.header("content-type")
        return answer.json() if kind.startswith("application/json") else answer.body.decode()

    def wait_for_active(self, number):
        """Until so many requests are under way."""
        end = time.monotonic() + PATIENCE
        while len(self.control("state")["http"]["active"]) != number:
            if time.monotonic() > end:
                raise AssertionError("not %d requests are under way" % number)
            time.sleep(0.01)

    def release(self):
        """No more faults, and what is held up by one goes on."""
        self.control("release", {})

    def log(self, since=0):
        return [json.loads(line) for line in
                self.control("log?since=%d" % since).splitlines()]


class SimulatorTest(unittest.TestCase):
    """A test class with one simulator for all its tests."""

    arguments = ("--no-limits",)

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.sim.close()

    def setUp(self):
        self.sim.control("faults", method="DELETE")


def claims(token):
    """The claims of a JWT."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def challenge(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def texts(record, path):
    return [element.text for element in record.findall(path)]
