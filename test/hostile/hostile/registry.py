"""The list of cases, and what must come of each."""

import json

CASES = []
BY_NAME = {}

# What a query may end with.  Several are given where libcurl's version
# decides between them.
LOST = ["08006"]
BROKEN = ["HV000"]
LOST_OR_BROKEN = ["08006", "HV000"]
TOO_BIG = ["54000"]
TEXT = ["22021"]
FAILING = ["HV00N"]
REFUSED = ["28000"]
LIMIT = ["53400"]
VALUE = ["22P02"]

# What a query may take on a slow machine: less than any silence or flood of the
# server lasts (STALL_SECONDS in wire.py).
SECONDS = 40


class Case:
    """One way to misbehave: answer(wire, request) plays it."""

    def __init__(self, answer, sqlstates, rows, stalls, requests, says, twice, json):
        self.number = len(CASES) + 1
        self.name = answer.__name__
        self.answer = answer
        self.sqlstates = sqlstates
        self.rows = rows
        self.stalls = stalls
        self.requests = requests
        self.says = says
        self.twice = twice
        self.json = json

    def described(self):
        """For --list; tenant is what chooses the case."""
        return {
            "number": self.number, "name": self.name, "tenant": tenant_of(self.number),
            "sqlstates": self.sqlstates, "rows": self.rows, "stalls": self.stalls,
            "seconds": SECONDS, "requests": self.requests, "says": self.says, "twice": self.twice,
            "json": self.json,
        }


def case(sqlstates=None, rows=None, stalls=False, requests=None, says=None, twice=False,
         json=False):
    """Registers a case.  Either rows (the query must give so many) or sqlstates
    (it must fail with one of them).  stalls: the server falls silent, or nearly
    so, which the client is to notice soon; with the others it has patience.
    requests is the number of calls; says is a text that the error must hold; twice runs the
    query a second time in the same session; json asks for JSON."""
    assert (sqlstates is None) != (rows is None)

    def register(answer):
        made = Case(answer, sqlstates, rows, stalls, requests, says, twice, json)
        assert made.name not in BY_NAME, made.name
        CASES.append(made)
        BY_NAME[made.name] = made
        return answer

    return register


def family(names, make, **expected):
    """Registers one case for each (name, argument) of a family."""
    for name, argument in names:
        answer = make(argument)
        answer.__name__ = name
        case(**expected)(answer)


def tenant_of(number):
    """The tenant id that chooses a case."""
    return "00000000-0000-4000-8000-%012d" % number


def case_of(tenant):
    """The case that a tenant id chooses, or None."""
    tail = tenant.rpartition("-")[2]
    if tail.isdigit() and 1 <= int(tail) <= len(CASES):
        return CASES[int(tail) - 1]
    return None


def listing():
    """All cases as JSON."""
    return json.dumps([each.described() for each in CASES], indent=1)
