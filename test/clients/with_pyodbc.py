"""The PostgreSQL ODBC driver by way of pyodbc: catalog functions, parameters,
cursors (UseDeclareFetch), timeouts; and Tableau, which reads through it."""

import datetime
import decimal
import os
import sys
import time

import pyodbc

from wfmclients import SOON, Simulator, Tap, run_probes, settle

ROWS = int(os.environ["WFM_ROWS"])
TABLES = int(os.environ["WFM_TABLES"])
WINDOWS = int(os.environ["WFM_T"])
CLIENT = os.environ["WFM_CLIENT"]

tap, simulator = Tap(), Simulator()


def connect(driver="PostgreSQL Unicode", autocommit=True, **settings):
    words = {"DRIVER": "{%s}" % driver, "SERVERNAME": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
             "DATABASE": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"], **settings}
    connection = pyodbc.connect(";".join("%s=%s" % item for item in words.items()), autocommit=autocommit)
    connection.setdecoding(pyodbc.SQL_CHAR, "utf-8")
    return connection


def catalogs():
    """SQLTables, SQLColumns and their kin."""
    for driver in ("PostgreSQL Unicode", "PostgreSQL ANSI"):
        mark = simulator.mark()
        cursor = connect(driver).cursor()
        found = {r.table_name: r for r in cursor.tables(schema="acme")}
        tap.is_(len(found), TABLES, "%s: SQLTables: foreign tables" % driver)
        tap.is_(found["client"].table_type, "FOREIGN TABLE", "%s: their type" % driver)
        tap.is_(len(list(cursor.tables(schema="bi", tableType="VIEW"))), TABLES, "%s: SQLTables: views" % driver)
        tap.is_([(r.table_name, r.table_type) for r in cursor.tables(schema="copy")], [("client", "MATVIEW"), ("time_entry", "MATVIEW")], "%s: SQLTables: materialized views" % driver)
        columns = {r.column_name: r for r in cursor.columns(schema="acme", table="client")}
        tap.ok(len(columns) > 20 and list(columns)[0] == "uuid", "%s: SQLColumns" % driver, list(columns))
        tap.is_([columns[c].type_name for c in ("uuid", "name", "is_archived")], ["uuid", "text", "bool"], "%s: types" % driver)
        tap.is_([columns[c].nullable for c in ("name", "is_archived")], [1, 0], "%s: what may be NULL" % driver)
        tap.is_(len(list(cursor.columns(schema="acme", table="time_entry", column="minutes"))), 1, "%s: SQLColumns of one column" % driver)
        tap.is_(list(cursor.primaryKeys("client", schema="acme")), [], "%s: SQLPrimaryKeys: none" % driver)
        tap.is_(list(cursor.foreignKeys("job", schema="acme")), [], "%s: SQLForeignKeys: none" % driver)
        tap.is_([r for r in cursor.statistics("client", schema="acme") if r[5]], [], "%s: SQLStatistics: no index" % driver)
        tap.is_([r.column_name for r in cursor.statistics("client", schema="copy", unique=True) if r.index_name], ["uuid"], "%s: SQLStatistics: the copy's" % driver)
        tap.ok(list(cursor.rowIdColumns("client", schema="acme")) is not None, "%s: SQLSpecialColumns" % driver)
        tap.ok({"uuid", "text", "date", "numeric"} <= {r.type_name for r in cursor.getTypeInfo()}, "%s: SQLGetTypeInfo" % driver)
        tap.ok("wfm_create_views" in {r.procedure_name for r in cursor.procedures(procedure="wfm%")}, "%s: SQLProcedures" % driver)
        tap.is_(simulator.calls_since(mark), 0, "%s: all of which sends nothing" % driver)


def values():
    for server_side in ("0", "1"):
        cursor = connect(UseServerSidePrepare=server_side).cursor()
        what = "server-side prepare %s: " % server_side
        mark = simulator.mark()
        for _ in range(7):
            row = cursor.execute("SELECT uuid, name, is_archived FROM acme.client WHERE uuid = ?::uuid", CLIENT).fetchone()
        tap.is_((str(row.uuid).lower(), row.name), (CLIENT, os.environ["WFM_CLIENT_NAME"]), what + "a row by its key")
        tap.is_(simulator.calls_since(mark), 7, what + "a call each time")
        mark = simulator.mark()
        first, last = datetime.date(2026, 3, 1), datetime.date(2026, 3, 31)
        sql = "SELECT count(*), sum(minutes), min(date) FROM %s.time_entry WHERE date BETWEEN ? AND ?"
        remote = cursor.execute(sql % "acme", first, last).fetchone()
        tap.is_(simulator.calls_since(mark), 1, what + "dates as parameters, in one call")
        tap.is_(tuple(remote), tuple(cursor.execute(sql % "copy", first, last).fetchone()), what + "the same as in the copy")
        tap.ok(isinstance(remote[2], datetime.date), what + "a date is a date")
        row = cursor.execute("SELECT budget::numeric(12,2) FROM acme.job WHERE budget > 0 LIMIT 1").fetchone()
        tap.ok(isinstance(row[0], decimal.Decimal), what + "an amount is exact", row)
        mark = simulator.mark()
        cursor.execute("SELECT * FROM acme.client WHERE 1 = 0")
        tap.ok(len(cursor.description) > 20, what + "the columns of a statement without rows")
        tap.is_(simulator.calls_since(mark), 0, what + "which sends nothing")


def cursors():
    """With UseDeclareFetch the driver reads by cursors, Fetch rows at a time."""
    connection = connect(UseDeclareFetch="1", Fetch="100")
    mark = simulator.mark()
    rows = connection.cursor().execute("SELECT uuid FROM acme.time_entry").fetchall()
    tap.is_(len({r[0] for r in rows}), ROWS, "UseDeclareFetch: all rows, none twice")
    tap.is_(simulator.calls_since(mark), WINDOWS, "UseDeclareFetch: the calls of one reading")
    cursor = connection.cursor()
    cursor.execute("SELECT uuid FROM acme.time_entry")
    tap.ok(cursor.fetchone(), "UseDeclareFetch: one row")
    tap.is_(connection.cursor().execute("SELECT count(*) FROM acme.staff").fetchone()[0], 8, "UseDeclareFetch: another statement beside it")
    cursor.close()
    connection.close()
    connection = connect(autocommit=False, UseDeclareFetch="1", Fetch="10")
    tap.is_(len(connection.cursor().execute("SELECT uuid FROM acme.client").fetchall()), 30, "UseDeclareFetch: in a transaction")
    connection.rollback()


def ends():
    connection = connect()
    simulator.stall("*staff.api")
    cursor = connection.cursor()
    canceller = simulator.when_active(cursor.cancel)
    started = time.monotonic()
    problem = tap.fails(lambda: cursor.execute("SELECT * FROM acme.staff"), pyodbc.Error, "SQLCancel ends a query")
    tap.ok(time.monotonic() - started < SOON, "at once")
    tap.ok("cancel" in str(problem), "with the server's words", problem)
    canceller.join()
    slow = connect(ConnSettings="set+statement_timeout+to+1000")
    started = time.monotonic()
    tap.fails(lambda: slow.cursor().execute("SELECT * FROM acme.staff"), pyodbc.Error, "statement_timeout among the settings of a source")
    tap.ok(time.monotonic() - started < SOON, "in its time")
    simulator.release()
    settle(connection.cursor().execute)
    tap.is_(connection.cursor().execute("SELECT count(*) FROM acme.client").fetchone()[0], 30, "the session goes on")
    tap.is_(connect(ReadOnly="1").cursor().execute("SELECT count(*) FROM acme.client").fetchone()[0], 30, "a read-only connection")


def tools(files):
    for path in files:
        connection = connect(UseDeclareFetch="1", Fetch="10000", BoolsAsChar="0", UseServerSidePrepare="1")

        def execute(sql):
            cursor = connection.cursor().execute(sql)
            return cursor.fetchall() if cursor.description else None

        run_probes(tap, simulator, path, execute)


catalogs()
values()
cursors()
ends()
tools(sys.argv[1:])
tap.end()
