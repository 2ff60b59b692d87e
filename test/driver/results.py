"""What the tests said: one record per test, read from the output of each kind.

Three forms are read: TAP (Perl and C tests, unittest through unittest_tap.py,
pg_regress from PostgreSQL 16 on), and pg_regress's own lines up to
PostgreSQL 15.
"""

import dataclasses
import re
import threading

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One test: its full name, how it ended and, for a skip, why."""

    name: str
    state: str
    why: str = ""


class Results:
    """The outcomes of a run; tasks in several threads add to it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._outcomes = []

    def add(self, outcomes):
        with self._lock:
            self._outcomes.extend(outcomes)

    def having(self, state):
        return sorted(
            (o for o in self._outcomes if o.state == state), key=lambda o: o.name
        )

    def closing_line(self):
        counts = (len(self.having(s)) for s in (PASSED, FAILED, SKIPPED))
        return "%d passed, %d failed, %d skipped" % tuple(counts)

    def succeeded(self):
        """Something passed and nothing failed."""
        return bool(self.having(PASSED)) and not self.having(FAILED)


def count(outcomes, state):
    return sum(1 for o in outcomes if o.state == state)


_TAP_LINE = re.compile(
    r"^(?P<not>not )?ok\b(?:[ \t]+(?P<number>\d+))?[ \t]*(?:[-+][ \t]+)?(?P<rest>.*)$"
)
_TAP_PLAN = re.compile(r"^1\.\.(?P<count>\d+)(?:[ \t]*#[ \t]*skip\w*[ \t]*(?P<why>.*))?$", re.I)
_TAP_DIRECTIVE = re.compile(r"(?<!\\)#[ \t]*(?P<word>skip|todo)\w*[ \t]*(?P<why>.*)$", re.I)


def parse_tap(text, source):
    """Outcomes of one TAP stream; source names the program.

    Lines of subtests are indented and belong to the line that closes them.
    A stream that stops before its plan is complete has one more outcome, a
    failure, and so has one without a single test.
    """
    outcomes, planned, bailed = [], None, None
    for line in text.splitlines():
        plan = _TAP_PLAN.match(line)
        if plan:
            planned = int(plan["count"])
            if planned == 0:
                return [Outcome(source, SKIPPED, plan["why"] or "no reason given")]
            continue
        if line.startswith("Bail out!"):
            bailed = line
            continue
        test = _TAP_LINE.match(line)
        if test:
            outcomes.append(_tap_outcome(test, source, len(outcomes) + 1))
    if bailed:
        outcomes.append(Outcome("%s: %s" % (source, bailed), FAILED))
    elif planned is None:
        outcomes.append(Outcome("%s: no plan, it did not run to its end" % source, FAILED))
    elif planned != len(outcomes):
        outcomes.append(
            Outcome("%s: planned %d tests, ran %d" % (source, planned, len(outcomes)), FAILED)
        )
    return outcomes


def _tap_outcome(test, source, position):
    rest = test["rest"]
    directive = _TAP_DIRECTIVE.search(rest)
    if directive:
        rest = rest[: directive.start()]
    label = re.sub(r"\s+\d+ ms$", "", rest.strip()) or "test %d" % position
    name = "%s: %s" % (source, label)
    word = directive["word"].lower() if directive else ""
    if word == "skip":
        return Outcome(name, SKIPPED, directive["why"].strip())
    if test["not"] and word != "todo":
        return Outcome(name, FAILED)
    return Outcome(name, PASSED)


_REGRESS_LINE = re.compile(
    r"^(?:test[ \t]+|[ \t]+)(?P<name>\S+)[ \t]+\.\.\. (?P<state>ok|FAILED|failed \(ignored\)|skipped)"
)


def parse_regress(text, kind):
    """Outcomes of pg_regress or pg_isolation_regress, in either form."""
    if re.search(r"^1\.\.\d+", text, re.M) or re.search(r"^(not )?ok \d+", text, re.M):
        return parse_tap(text, kind)
    outcomes = []
    for line in text.splitlines():
        found = _REGRESS_LINE.match(line)
        if found:
            state = {"ok": PASSED, "FAILED": FAILED}.get(found["state"], SKIPPED)
            why = found["state"] if state == SKIPPED else ""
            outcomes.append(Outcome("%s: %s" % (kind, found["name"]), state, why))
    return outcomes


def with_exit_code(outcomes, code, source):
    """Adds a failure where a program failed and no test of it says so."""
    if code != 0 and not count(outcomes, FAILED):
        how = "ended by signal %d" % -code if code < 0 else "exit code %d" % code
        return outcomes + [Outcome("%s: %s" % (source, how), FAILED)]
    if code == 0 and not outcomes:
        return [Outcome("%s: ran no test" % source, FAILED)]
    return outcomes
