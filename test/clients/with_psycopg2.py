"""psycopg 2: the simple protocol, named cursors, COPY, cancel; SQLAlchemy's
reflection; and the probes of Superset and dbt, which use them."""

import io
import os
import sys
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import sqlalchemy
import sqlalchemy.orm
from sqlalchemy.dialects import postgresql

from wfmclients import SOON, Simulator, Tap, run_probes, settle

ROWS = int(os.environ["WFM_ROWS"])
TABLES = int(os.environ["WFM_TABLES"])

tap, simulator = Tap(), Simulator()


def connect(autocommit=True):
    connection = psycopg2.connect("")
    connection.autocommit = autocommit
    return connection


def cursors():
    with connect(False) as connection:
        mark = simulator.mark()
        cursor = connection.cursor("c", withhold=False)
        cursor.itersize = 100
        cursor.execute("SELECT uuid, minutes FROM acme.time_entry")
        tap.is_(simulator.calls_since(mark), 0, "a named cursor that is not read sends nothing")
        first = cursor.fetchmany(10)
        with connection.cursor() as other:
            other.execute("SELECT count(*) FROM acme.staff")
            tap.is_(other.fetchone()[0], 8, "another query between its rows")
        tap.is_(len(set(first + cursor.fetchall())), ROWS, "all rows, none twice")
        cursor.close()
        cursor = connection.cursor("s", scrollable=True)
        cursor.execute("SELECT name FROM acme.client ORDER BY uuid")
        rows = cursor.fetchmany(5)
        cursor.scroll(-5)
        tap.is_(cursor.fetchmany(5), rows, "a cursor that goes back")
        cursor.close()
        cursor = connection.cursor("early")
        cursor.execute("SELECT uuid FROM acme.time_entry")
        cursor.fetchone()
        cursor.close()
        tap.ok(True, "a cursor that is closed early")


def copies():
    connection = connect()
    text = io.StringIO()
    mark = simulator.mark()
    connection.cursor().copy_expert("COPY (SELECT uuid, name FROM acme.staff) TO STDOUT (FORMAT csv)", text)
    tap.is_((len(text.getvalue().splitlines()), simulator.calls_since(mark)), (8, 1), "COPY of a query, in one call")


def ends():
    connection = connect()
    cursor = connection.cursor()
    simulator.stall("*staff.api")
    canceller = simulator.when_active(connection.cancel)
    started = time.monotonic()
    tap.fails(lambda: cursor.execute("SELECT * FROM acme.staff"), psycopg2.extensions.QueryCanceledError, "cancel ends a query")
    tap.ok(time.monotonic() - started < SOON, "at once")
    canceller.join()
    simulator.release()
    settle(cursor.execute)
    cursor.execute("SELECT count(*) FROM acme.client; SELECT count(*) FROM acme.staff")
    tap.is_(cursor.fetchone(), (8,), "two statements in one message, after it")
    connection.set_session(readonly=True)
    cursor.execute("SELECT count(*) FROM acme.client")
    tap.is_(cursor.fetchone(), (30,), "a read-only session")
    rows = psycopg2.extras.RealDictCursor(connection)
    rows.execute("SELECT uuid, name FROM acme.client WHERE uuid = %s", (os.environ["WFM_CLIENT"],))
    tap.is_(rows.fetchone()["name"], os.environ["WFM_CLIENT_NAME"], "a row as a dictionary")


def reflection():
    """What an ORM sees: foreign tables only if asked for, views always."""
    engine = sqlalchemy.create_engine("postgresql+psycopg2://")
    mark = simulator.mark()
    inspector = sqlalchemy.inspect(engine)
    tap.is_(inspector.get_table_names("acme"), [], "SQLAlchemy: foreign tables are not among the tables")
    tap.is_(len(inspector.get_foreign_table_names("acme")), TABLES, "SQLAlchemy: foreign tables by their own call")
    tap.is_(len(inspector.get_view_names("bi")), TABLES, "SQLAlchemy: the views are seen")
    tap.ok(inspector.has_table("client", schema="bi"), "SQLAlchemy: has_table")
    tap.ok("client" in (inspector.get_table_comment("bi.client"[3:], schema="bi")["text"] or ""), "SQLAlchemy: the comment of a view")
    columns = {c["name"]: c for c in inspector.get_columns("client", schema="bi")}
    tap.ok(isinstance(columns["uuid"]["type"], postgresql.UUID) and columns["uuid"]["comment"], "SQLAlchemy: type and comment of a column", columns["uuid"])
    tap.is_([n for n in columns if n.startswith("_")], [], "SQLAlchemy: no input columns")
    tap.is_(inspector.get_pk_constraint("client", schema="bi")["constrained_columns"], [], "SQLAlchemy: no primary key")
    tap.is_(inspector.get_indexes("client", schema="copy")[0]["unique"], True, "SQLAlchemy: the copy has its unique index")
    for schema in ("acme", "bi", "copy"):
        table = sqlalchemy.Table("client", sqlalchemy.MetaData(), schema=schema, autoload_with=engine)
        tap.ok(len(table.columns) > 20, "SQLAlchemy: reflection of %s.client" % schema)
        if schema == "bi":
            client = table
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, schema="bi", views=True)
    tap.is_(len(metadata.tables), TABLES, "SQLAlchemy: reflection of the whole schema")
    tap.is_(simulator.calls_since(mark), 0, "SQLAlchemy: all of which sends nothing")
    with engine.connect() as connection:
        mark = simulator.mark()
        query = sqlalchemy.select(client.c.name).where(client.c.uuid == os.environ["WFM_CLIENT"])
        tap.is_(connection.execute(query).scalar(), os.environ["WFM_CLIENT_NAME"], "SQLAlchemy: a query of a reflected view")
        tap.is_(simulator.calls_since(mark), 1, "SQLAlchemy: in one call")
        entry = metadata.tables["bi.time_entry"]
        streaming = connection.execution_options(stream_results=True).execute(sqlalchemy.select(entry))
        tap.is_(sum(len(part) for part in streaming.partitions(100)), ROWS, "SQLAlchemy: rows as they come")
        # An ORM needs a key: it is told, since no foreign table can have one
        base = sqlalchemy.orm.declarative_base()
        mapped = type("Client", (base,), {
            "__table__": sqlalchemy.Table("client", base.metadata, sqlalchemy.Column("uuid", postgresql.UUID, primary_key=True),
                                          schema="bi", autoload_with=engine, extend_existing=True)})
        mark = simulator.mark()
        found = sqlalchemy.orm.Session(connection).get(mapped, os.environ["WFM_CLIENT"])
        tap.is_(found.name, os.environ["WFM_CLIENT_NAME"], "SQLAlchemy: an object by its key")
        tap.is_(simulator.calls_since(mark), 1, "SQLAlchemy: in one call")


def tools(files):
    for path in files:
        connection = connect()

        def execute(sql):
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None

        run_probes(tap, simulator, path, execute)
        connection.close()


cursors()
copies()
ends()
reflection()
tools(sys.argv[1:])
tap.end()
