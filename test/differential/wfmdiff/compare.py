"""Runs queries on both sides and compares the rows."""

import collections
import dataclasses
import re

BEGIN, END = "\x1d", "\x1c"
PREAMBLE = ("\\pset fieldsep '\x1f'\n\\pset null '\x01'\n"
            "SET statement_timeout = '300s';\nSET client_min_messages = error;\n")


@dataclasses.dataclass
class Difference:
    query: object
    seed: str
    schema: str
    what: str
    sql: str  # to run by hand

    def report(self):
        return "%s\nseed %s, tables in %s\n%s" % (self.what, self.seed, self.schema, self.sql)


def statements(query):
    """The SQL statements of a query whose rows count, with what goes before
    and after: (before, [statements], after)."""
    places = query.places
    if query.mode == "plain":
        return [], [places.inline(query.sql)], []
    if query.mode == "cursor":
        return (["BEGIN", "DECLARE c CURSOR FOR " + places.inline(query.sql)],
                ["FETCH 2 FROM c", "FETCH 5 FROM c", "FETCH ALL FROM c"], ["COMMIT"])
    types = "(%s)" % places.types() if places.places else ""
    executes = []
    for execution in range(places.EXECUTIONS):
        arguments = "(%s)" % places.arguments(execution) if places.places else ""
        executes.append("EXECUTE q" + arguments)
    return ["PREPARE q%s AS %s" % (types, places.parameters(query.sql))], executes, ["DEALLOCATE q"]


def script(query, schema):
    """psql's input for one query, and the plain SQL to show."""
    before, counting, after = statements(query)
    before = ["SET search_path = %s, public" % schema] + [
        "SET " + setting for setting in query.settings] + before
    after = after + ["RESET " + s.split()[0] for s in query.settings]
    parts = []
    for statement in before:
        parts.append("%s;\n\\echo '%s' :SQLSTATE" % (statement, END))
    for statement in counting:
        parts.append("\\echo '%s'\n%s;\n\\echo '%s' :SQLSTATE" % (BEGIN, statement, END))
    parts.append("ROLLBACK;" if query.mode == "cursor" else "")
    for statement in after:
        parts.append(statement + ";")
    return "\n".join(parts) + "\n", ";\n".join(before + counting + after) + ";"


def read_answer(text):
    """(rows of all counting statements, SQLSTATE of the first failure)."""
    rows = collections.Counter()
    state = "00000"
    problem = ""
    for part in text.split(BEGIN)[1:]:
        # one line break after the mark and one behind the last row
        body = part.split(END)[0].removeprefix("\n")
        rows.update(body.removesuffix("\n").split("\n") if body else [])
    for found in re.findall(END + r" (\w{5})", text):
        if found != "00000":
            state = found
            problem = "\n".join(line for line in text.splitlines() if "ERROR" in line)[:600]
            break
    return rows, state, problem


def without_scale(rows):
    """Rows in which 1.50 and 1.5 are the same: JSON's numbers have no scale."""
    plain = collections.Counter()
    for row, n in rows.items():
        fields = [re.sub(r"^(-?\d+)(\.\d*?)0*$", lambda m: m[1] + m[2].rstrip("."), field)
                  for field in row.split("\x1f")]
        plain["\x1f".join(fields)] += n
    return plain


def sample(rows):
    shown = ["%d x %s" % (n, row.replace("\x1f", " | ").replace("\x01", "NULL")[:300])
             for row, n in list(rows.items())[:3]]
    return "; ".join(shown) or "none"


def compare(query, seed, schema, remote, local, sql):
    """(Difference or None, SQLSTATE and number of rows on the local side)."""
    remote_rows, remote_state, problem = read_answer(remote)
    local_rows, local_state, local_problem = read_answer(local)
    if "bluerock_2" in schema:
        remote_rows, local_rows = without_scale(remote_rows), without_scale(local_rows)
    if remote_state != local_state:
        what = "foreign tables: SQLSTATE %s, local tables: %s\n%s%s" % (
            remote_state, local_state, problem, local_problem)
    elif remote_state == "00000" and remote_rows != local_rows:
        what = "only from foreign tables: %s\nonly from local tables: %s" % (
            sample(remote_rows - local_rows), sample(local_rows - remote_rows))
    else:
        return None, local_state, sum(local_rows.values())
    return Difference(query, seed, schema, what, sql), local_state, sum(local_rows.values())


def run_batch(psql, batch):
    """batch: (query, seed, foreign schema, local schema).  Yields what
    compare() gives for each."""
    scripts = [[script(query, schema) for query, _, schema, _ in batch],
               [script(query, local) for query, _, _, local in batch]]
    outputs = []
    for side in scripts:
        text = psql.talk(PREAMBLE + "".join("\\echo '\x1e'\n" + one for one, _ in side))
        outputs.append(text.split("\x1e")[1:])
    for number, (query, seed, schema, _) in enumerate(batch):
        sides = [output[number] if number < len(output) else END + " 08006"
                 for output in outputs]
        yield compare(query, seed, schema, sides[0], sides[1], scripts[0][number][1])
