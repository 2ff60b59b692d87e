"""psycopg 3: the extended protocol, text and binary, prepared statements,
named cursors, COPY, pipelines, cancel; and the probes of tools that speak it."""

import datetime
import decimal
import io
import os
import sys
import threading
import time
import uuid

import psycopg
from psycopg import pq

from wfmclients import SOON, Simulator, Tap, run_probes, settle

CLIENT = uuid.UUID(os.environ["WFM_CLIENT"])
ROWS = int(os.environ["WFM_ROWS"])
WINDOWS = int(os.environ["WFM_T"])

tap, simulator = Tap(), Simulator()


def values():
    """The types arrive as Python's own, in both formats alike."""
    sql = ("SELECT uuid, name, is_archived FROM acme.client WHERE uuid = %s",
           "SELECT date, minutes, billable, start_time, note FROM acme.time_entry WHERE job_id = %s ORDER BY uuid LIMIT 5",
           "SELECT id, budget, start_date FROM acme.job WHERE id = %s")
    with psycopg.connect(autocommit=True) as connection:
        for text, key in zip(sql, (CLIENT, os.environ["WFM_JOB"], os.environ["WFM_JOB"])):
            rows = {b: connection.execute(text, (key,), binary=b).fetchall() for b in (False, True)}
            tap.ok(rows[False], "rows of " + text)
            tap.is_(rows[True], rows[False], "the same in binary")
        row = connection.execute(sql[0], (CLIENT,)).fetchone()
        tap.is_([type(v) for v in row], [uuid.UUID, str, bool], "types of a client")
        row = connection.execute(sql[2], (os.environ["WFM_JOB"],)).fetchone()
        tap.ok(isinstance(row[1], (decimal.Decimal, type(None))) and isinstance(row[2], (datetime.date, type(None))), "types of a job", row)


def describing():
    """Preparing and describing a statement sends nothing."""
    mark = simulator.mark()
    with psycopg.connect() as connection:
        link = connection.pgconn
        link.prepare(b"p", b"SELECT * FROM acme.client WHERE uuid = $1")
        result = link.describe_prepared(b"p")
        tap.is_(result.status, pq.ExecStatus.COMMAND_OK, "a prepared statement is described")
        tap.is_((result.nparams, result.param_type(0)), (1, 2950), "its parameter is a uuid")
        tap.is_((result.fname(0), result.ftype(0)), (b"uuid", 2950), "its first column too")
        tap.ok(result.nfields > 20, "all columns are there")
        tap.ok(all(result.ftable(i) == result.ftable(0) != 0 for i in range(result.nfields)), "with their table")
    tap.is_(simulator.calls_since(mark), 0, "which sends nothing")


def prepared():
    """Past the threshold, with custom and generic plans."""
    for mode in ("auto", "force_generic_plan", "force_custom_plan"):
        with psycopg.connect(autocommit=True) as connection:
            connection.execute("SET plan_cache_mode = %s" % mode)
            keys = [r[0] for r in connection.execute("SELECT uuid FROM copy.client ORDER BY uuid LIMIT 9")]
            mark = simulator.mark()
            names = [connection.execute("SELECT uuid FROM acme.client WHERE uuid = %s", (key,)).fetchone()[0] for key in keys]
            tap.is_(names, keys, "%s: the right rows" % mode)
            tap.is_(simulator.calls_since(mark), 9, "%s: a call each" % mode)
            plans = connection.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%acme.client%'").fetchall()
            tap.ok(len(plans) == 1 and sum(plans[0]) >= 3, "%s: prepared on the server" % mode, plans)
            if mode == "force_generic_plan":
                tap.ok(plans[0][0] >= 3 and plans[0][1] == 0, "with a generic plan", plans)
            mark = simulator.mark()
            found = connection.execute("SELECT count(*) FROM acme.client WHERE uuid = ANY (%s)", (keys[:2],)).fetchone()
            tap.is_(found, (2,), "%s: a list as parameter" % mode)
            tap.ok(simulator.calls_since(mark) <= 2, "%s: at most a call for each" % mode)
            counts = [connection.execute("SELECT count(*) FROM acme.time_entry WHERE date BETWEEN %s AND %s",
                                         (datetime.date(2026, m, 1), datetime.date(2026, m, 28))).fetchone()[0] for m in (1, 2, 3, 4, 5, 6, 1)]
            expected = [connection.execute("SELECT count(*) FROM copy.time_entry WHERE date BETWEEN %s AND %s",
                                           (datetime.date(2026, m, 1), datetime.date(2026, m, 28))).fetchone()[0] for m in (1, 2, 3, 4, 5, 6, 1)]
            tap.is_(counts, expected, "%s: dates as parameters" % mode)


def cursors():
    """Named cursors read on while the transaction does other things."""
    with psycopg.connect() as connection:
        mark = simulator.mark()
        with connection.cursor("c") as cursor:
            cursor.itersize = 50
            cursor.execute("SELECT uuid FROM acme.time_entry")
            tap.is_(simulator.calls_since(mark), 0, "a cursor that is not read sends nothing")
            first = cursor.fetchmany(50)
            tap.is_(connection.execute("SELECT count(*) FROM acme.staff").fetchone()[0], 8, "another query between its rows")
            rest = list(cursor)
            tap.is_(len({r[0] for r in first + rest}), ROWS, "all rows, none twice")
        connection.rollback()
        with connection.cursor("s", scrollable=True) as cursor:
            cursor.execute("SELECT uuid FROM acme.client ORDER BY uuid")
            rows = cursor.fetchmany(3)
            cursor.scroll(0, mode="absolute")
            tap.is_(cursor.fetchmany(3), rows, "a cursor that goes back")
        connection.rollback()
        with connection.cursor("b") as cursor:
            cursor.execute("SELECT uuid FROM acme.time_entry WHERE date >= %s", (datetime.date(2026, 1, 1),), binary=True)
            tap.ok(isinstance(cursor.fetchone()[0], uuid.UUID), "a binary cursor with a parameter")
        connection.commit()
    with psycopg.connect(autocommit=True) as connection:
        with connection.cursor("h", withhold=True) as cursor:
            cursor.execute("SELECT uuid FROM acme.staff")
            tap.is_(len(cursor.fetchall()), 8, "a cursor with hold")


def copies():
    with psycopg.connect() as connection:
        data = io.BytesIO()
        mark = simulator.mark()
        with connection.cursor().copy("COPY (SELECT uuid, name FROM acme.client ORDER BY uuid) TO STDOUT (FORMAT csv, HEADER)") as copy:
            for block in copy:
                data.write(block)
        tap.is_(len(data.getvalue().decode().splitlines()) >= 31, True, "COPY of a query")
        tap.is_(simulator.calls_since(mark), 1, "in one call")
        with connection.cursor().copy("COPY (SELECT uuid FROM acme.staff) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["uuid"])
            tap.is_(len(list(copy.rows())), 8, "COPY in binary")
    problem = tap.fails(lambda: psycopg.connect(autocommit=True).execute("COPY acme.staff TO STDOUT"), psycopg.errors.WrongObjectType, "COPY of the table itself is refused")
    tap.ok(problem and "COPY (SELECT" in (problem.diag.message_hint or ""), "and the server says what to do instead")


def pipelines():
    with psycopg.connect(autocommit=True) as connection:
        with connection.pipeline():
            cursors_ = [connection.execute("SELECT count(*) FROM acme." + t) for t in ("client", "staff", "client")]
            tap.is_([c.fetchone()[0] for c in cursors_], [30, 8, 30], "statements in a pipeline")


def ends():
    """Cancel and timeouts, and what the session is good for afterwards."""
    simulator.stall("*staff.api")
    with psycopg.connect(autocommit=True) as connection:
        for what in ("cancel", "statement_timeout"):
            canceller = None
            if what == "cancel":
                canceller = simulator.when_active(connection.cancel)
            else:
                connection.execute("SET statement_timeout = 300")
            started = time.monotonic()
            problem = tap.fails(lambda: connection.execute("SELECT * FROM acme.staff"), psycopg.errors.QueryCanceled, "%s ends a query" % what)
            tap.ok(time.monotonic() - started < SOON, "%s: at once" % what)
            tap.is_(problem and problem.sqlstate, "57014", "%s: 57014" % what)
            if canceller:
                canceller.join()
            settle(connection.execute)
            connection.execute("SET statement_timeout = 0")
            tap.is_(connection.execute("SELECT count(*) FROM acme.client").fetchone()[0], 30, "%s: the session goes on" % what)
    simulator.release()
    with psycopg.connect() as connection:
        connection.read_only = True
        tap.is_(connection.execute("SELECT count(*) FROM acme.client").fetchone()[0], 30, "a read-only transaction")
    with psycopg.connect(autocommit=True) as connection:
        problem = tap.fails(lambda: connection.execute("INSERT INTO acme.staff (name) VALUES ('x')"), psycopg.Error, "INSERT is refused")
        tap.ok(problem and problem.sqlstate in ("42501", "0A000", "55000"), "with an SQLSTATE", problem and problem.sqlstate)
        problem = tap.fails(lambda: connection.execute("SELECT * FROM acme.client WHERE _modified_since < now()"), psycopg.Error, "a wrong use of an input column")
        tap.ok(problem and problem.diag.message_hint, "comes with its hint")


def dashboard():
    """Eight visuals at once share the five calls that the API allows."""
    months = [(datetime.date(2026, m, 1), datetime.date(2026, m, 28)) for m in (1, 2, 3, 4, 5, 6, 1, 2)]
    sql = "SELECT staff_name, sum(minutes) FROM %s.time_entry WHERE date BETWEEN %%s AND %%s GROUP BY 1 ORDER BY 1"
    answers = [None] * len(months)

    def visual(number):
        with psycopg.connect(autocommit=True) as connection:
            answers[number] = connection.execute(sql % "bi", months[number]).fetchall()

    simulator.stall("*time.api")
    mark = simulator.mark()
    threads = [threading.Thread(target=visual, args=(n,)) for n in range(len(months))]
    for thread in threads:
        thread.start()
    simulator.wait_for_active(5)
    simulator.release()
    for thread in threads:
        thread.join()
    calls = simulator.entries_since(mark)
    with psycopg.connect() as connection:
        tap.is_(answers, [connection.execute(sql % "copy", m).fetchall() for m in months], "eight visuals at once")
    tap.is_(len(calls), 8, "a call each")
    tap.ok(max(c["concurrent"] for c in calls) == 5, "five at a time, and no more", calls)


def gone():
    """A client that vanishes: the query ends without waiting for the API."""
    simulator.stall("*staff.api")
    connection = psycopg.connect(autocommit=True, options="-c client_connection_check_interval=200ms")
    pid = connection.info.backend_pid
    connection.pgconn.send_query(b"SELECT * FROM acme.staff")
    connection.pgconn.flush()
    with psycopg.connect(autocommit=True) as other:
        def there():
            return other.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()[0]

        simulator.wait_for_active(1)
        tap.is_((simulator.active(), there()), (1, 1), "a session whose query waits for the API")
        started = time.monotonic()
        connection.pgconn.finish()
        while there() and time.monotonic() - started < 2 * SOON:
            time.sleep(0.05)
        tap.ok(time.monotonic() - started < SOON, "is gone soon after its client")
    simulator.release()


def tools(files):
    """Power BI reads through Npgsql and Grafana through pgx: the extended
    protocol, Npgsql with values in binary."""
    for path in files:
        tool = os.path.basename(path)
        with psycopg.connect(autocommit=True) as connection:
            connection.prepare_threshold = 0 if tool == "powerbi" else None

            def execute(sql):
                cursor = connection.execute(sql.encode(), (), binary=tool == "powerbi")
                return cursor.fetchall() if cursor.description else None

            run_probes(tap, simulator, path, execute)


values()
describing()
prepared()
cursors()
copies()
pipelines()
ends()
dashboard()
gone()
tools(sys.argv[1:])
tap.end()
