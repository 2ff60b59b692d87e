"""For tests with Python's drivers: TAP, the simulator's log, and probes.

A file of probes (tools/) holds statements of one tool:

    what it is for: calls: what comes
    SELECT …

separated by empty lines.  Calls is the least number of requests that can
answer; "what comes" is one of

    rows                at least one
    N rows
    no rows             a result without rows
    a row with A | B    a row that has a value A and a value B
    no row with A
    done                no result
"""

import json
import os
import pathlib
import re
import threading
import time
import urllib.request


# How long the API is silent where a query is to be ended, and what is at once
# even on a busy machine: less than the 30 s after which silence is given up.
STALL = 600
SOON = 25


class Tap:
    """Numbers tests and says which failed."""

    def __init__(self):
        self._number = 0
        self._failed = 0

    def ok(self, good, name, *more):
        self._number += 1
        print("%sok %d - %s" % ("" if good else "not ", self._number, name), flush=True)
        if not good:
            self._failed += 1
            for text in more:
                print("# %s" % (text,), flush=True)
        return good

    def is_(self, got, expected, name):
        return self.ok(got == expected, name, "got: %r" % (got,), "expected: %r" % (expected,))

    def fails(self, function, kind, name):
        """The exception of this kind that the function must raise."""
        try:
            function()
        except kind as problem:
            self.ok(True, name)
            return problem
        self.ok(False, name, "no error")
        return None

    def end(self):
        print("1..%d" % self._number)
        raise SystemExit(1 if self._failed else 0)


class Simulator:
    """What was requested since a point in time."""

    def __init__(self):
        self._url = os.environ["WFM_SIM_URL"]

    def control(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request("%s/_control/%s" % (self._url, path), data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def active(self):
        """How many requests are under way."""
        return len(json.loads(self.control("GET", "state"))["http"]["active"])

    def wait_for_active(self, number):
        """Until so many requests are under way."""
        end = time.monotonic() + 60
        while self.active() < number and time.monotonic() < end:
            time.sleep(0.02)

    def when_active(self, action):
        """A started thread that does something once a request is under way."""
        def wait():
            self.wait_for_active(1)
            action()

        thread = threading.Thread(target=wait)
        thread.start()
        return thread

    def mark(self):
        """A point in the log, once no request is under way."""
        for _ in range(1000):
            state = json.loads(self.control("GET", "state"))
            if not state["http"]["active"]:
                break
            time.sleep(0.02)
        return state["last_seq"]

    def entries_since(self, mark):
        """The log's entries of the requests that went to the API since."""
        self.mark()
        entries = [json.loads(line) for line in self.control("GET", "log?since=%d" % mark).splitlines()]
        return [entry for entry in entries if entry["dialect"]]

    def calls_since(self, mark):
        """How many they are."""
        return len(self.entries_since(mark))

    def stall(self, path):
        """Answers of a path do not come until release()."""
        rule = {"match": {"path": path}, "action": {"delay": STALL}}
        self.control("POST", "faults", rule)

    def release(self):
        self.control("POST", "release", {})


def settle(execute):
    """Lets a cancel pass that arrives twice: the server signals the process
    and its group.  Whoever asked for it was told after both signals."""
    try:
        execute("SELECT 1")
    except Exception:  # pylint: disable=broad-except
        pass


def read_probes(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for part in re.split(r"\n\s*\n", text.strip()):
        head, sql = part.split("\n", 1)
        found = re.fullmatch(r"(.+?): (\d+): (.+)", head)
        if not found:
            raise SystemExit("cannot read: %s" % head)
        yield found[1], int(found[2]), found[3], sql.strip()


def comes(rows, expected):
    """Whether a result (None: there is none) is what a probe says."""
    if expected == "done":
        return rows is None
    if rows is None:
        return False
    if expected == "rows":
        return len(rows) > 0
    if expected == "no rows":
        return len(rows) == 0
    found = re.fullmatch(r"(\d+) rows?", expected)
    if found:
        return len(rows) == int(found[1])
    found = re.fullmatch(r"(a|no) row with (.+)", expected)
    wanted = found[2].split(" | ")
    texts = [{str(value) for value in row} for row in rows]
    return (found[1] == "a") == any(all(word in row for word in wanted) for row in texts)


def run_probes(tap, simulator, path, execute):
    """Runs each probe by execute(sql), which returns rows or None."""
    for name, least, expected, sql in read_probes(path):
        mark = simulator.mark()
        try:
            rows = execute(sql)
        except Exception as problem:  # pylint: disable=broad-except
            tap.ok(False, name, repr(problem))
            continue
        tap.ok(comes(rows, expected), "%s: %s" % (name, expected), sql, rows[:5] if rows else rows)
        tap.is_(simulator.calls_since(mark), least, "%s: %d calls" % (name, least))
