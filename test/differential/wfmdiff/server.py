"""The databases' side: connections, tables, psql, and the simulators."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

from .model import Model, Table, table_from_csv
from .values import quoted

DIALECTS = {
    "practicemanager/3.1": "PRACTICEMANAGER",
    "practicemanager/3.0": "PRACTICEMANAGER",
    "workflowmax/3.0": "WORKFLOWMAX",
}

# Few windows: every list over the whole history is seven requests.
SERVER_OPTIONS = "history_from '2022-01-01'"

# Rows that no answer holds, for a partition that is not foreign.
LATER_ENTRIES = """
INSERT INTO %s (uuid, date, minutes)
SELECT md5(n::text)::uuid, date '2100-01-01' + n, n FROM generate_series(1, 5) AS n"""


class Simulator:
    """Control of one running simulator."""

    def __init__(self, url):
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def _ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(self.url + "/_control/" + path, data, timeout=60) as answer:
            return answer.read().decode()

    def switches(self, settings):
        self._ask("switches", settings)

    def csv(self, table, dialect):
        return self._ask("csv/%s?dialect=%s" % (table, dialect))

    def tenant(self, type_name):
        tenants = json.loads(self._ask("state"))["tenants"]
        return next(t["tenant_id"] for t in tenants if t["type"] == type_name)

    def new_grant(self, client_id):
        self._ask("tokens", {"new_client": {"client_id": client_id, "secret": "s"}})
        answer = self._ask("tokens", {"new_grant": {"client_id": client_id}})
        return json.loads(answer)["refresh_token"]


class Psql:
    """Runs SQL in one database."""

    def __init__(self, command):
        self._command = command

    def run(self, script):
        """Output of a script that must not fail: rows of |-separated fields."""
        done = subprocess.run(self._command + ["-AtqX", "-v", "ON_ERROR_STOP=1"], input=script,
                              capture_output=True, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise RuntimeError("%s\n%s" % (done.stderr.strip(), script[:2000]))
        return [line.split("|") for line in done.stdout.splitlines()]

    def talk(self, script):
        """Output of a script in which statements may fail, errors among it."""
        return subprocess.run(self._command + ["-AtqX"], input=script, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False).stdout


class World:
    """The foreign and local tables of one dialect, and what is in them."""

    def __init__(self, dialect, local, model):
        self.dialect = dialect
        self.local = local
        self.model = model
        self.foreign = []  # schemas, each with a connection of its own
        self.trusting = []  # those whose servers use assumed filters
        self._next = 0
        self._lock = threading.Lock()

    def next_schema(self, trusting):
        schemas = self.trusting if trusting else self.wary
        with self._lock:
            self._next += 1
            return schemas[self._next % len(schemas)]

    @property
    def wary(self):
        return [s for s in self.foreign if s not in self.trusting]


def connect(psql, simulator, dialect, name, options):
    """A connection with a limit of its own, its server, and a schema of the
    dialect's tables.  The limit belongs to the client id and the tenant."""
    row = {
        "name": name, "api": dialect, "client_id": name, "client_secret": "s",
        "refresh_token": simulator.new_grant(name), "calls_per_minute": "600",
        "tenant_id": simulator.tenant(DIALECTS[dialect]),
        "api_url": "%s/%s/" % (simulator.url, dialect),
        "token_url": simulator.url + "/connect/token",
        "authorize_url": simulator.url + "/identity/connect/authorize",
        "connections_url": simulator.url + "/connections",
    }
    psql.run("SET client_min_messages = error;\n"
             "INSERT INTO wfm_connections (%s) VALUES (%s);\n"
             "CREATE SERVER %s FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection %s, %s);\n"
             "CREATE SCHEMA %s; IMPORT FOREIGN SCHEMA wfm FROM SERVER %s INTO %s;"
             % (", ".join(row), ", ".join(quoted(v) for v in row.values()),
                name, quoted(name), options, name, name, name))


def read_model(psql, simulator, dialect, schema):
    """The tables that both the schema and the simulator's dump have."""
    types = {}
    for table, column, type_name in psql.run(
            "SELECT relname, attname, format_type(atttypid, atttypmod) "
            "FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
            "WHERE relnamespace = %s::regnamespace AND relkind = 'f' AND attnum > 0 "
            "AND NOT attisdropped AND attname !~ '^_' ORDER BY relname, attnum" % quoted(schema)):
        types.setdefault(table, {})[column] = type_name
    tables = []
    for name in types:
        try:
            text = simulator.csv(name, dialect)
        except urllib.error.HTTPError:
            continue
        tables.append((table_from_csv(name, types[name], text), text))
    return tables


def load_local(psql, schema, like, tables, folder):
    """Local tables of the dump's rows."""
    script = ["CREATE SCHEMA %s;" % schema]
    for table, text in tables:
        path = "%s/%s-%s.csv" % (folder, schema, table.name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        header = [name.strip('"') for name in text.split("\n", 1)[0].strip().split(",")]
        known = {c.name for c in table.columns}
        extra = [name for name in header if name not in known]
        names = ", ".join('"%s"' % c.name for c in table.columns)
        script.append("CREATE TABLE %s.%s AS SELECT %s FROM %s.%s WHERE false;"
                      % (schema, table.name, names, like, table.name))
        script += ['ALTER TABLE %s.%s ADD "%s" text;' % (schema, table.name, n) for n in extra]
        script.append("COPY %s.%s (%s) FROM %s (FORMAT csv, HEADER);" % (
            schema, table.name, ", ".join('"%s"' % n for n in header), quoted(path)))
    psql.run("\n".join(script))


def add_compound_tables(psql, schema, is_local):
    """A view of two foreign tables, an inheritance tree, a partitioned table.
    The same rows come of each locally."""
    script = ["CREATE VIEW %s.twice_staff AS SELECT * FROM %s.staff UNION ALL "
              "SELECT * FROM %s.staff;" % ((schema,) * 3)]
    if is_local:
        script.append("CREATE TABLE %s.later AS SELECT * FROM %s.time_entry WHERE false; %s;"
                      % (schema, schema, LATER_ENTRIES % (schema + ".later")))
        for name, tables in (("parted_entry", ["time_entry", "later"]),
                             ("family_client", ["client", "client"])):
            script.append("CREATE VIEW %s.%s AS %s;" % (schema, name, " UNION ALL ".join(
                "SELECT * FROM %s.%s" % (schema, t) for t in tables)))
    else:
        script.append(
            "CREATE TABLE {0}.parted_entry (LIKE {0}.time_entry) PARTITION BY RANGE (date);"
            "CREATE TABLE {0}.later PARTITION OF {0}.parted_entry"
            " FOR VALUES FROM ('2100-01-01') TO (MAXVALUE);"
            "CREATE FOREIGN TABLE {0}.early PARTITION OF {0}.parted_entry"
            " FOR VALUES FROM (MINVALUE) TO ('2100-01-01') SERVER {0}"
            " OPTIONS (resource 'time_entry');"
            "CREATE TABLE {0}.family_client (LIKE {0}.client);"
            "CREATE FOREIGN TABLE {0}.child_one () INHERITS ({0}.family_client)"
            " SERVER {0} OPTIONS (resource 'client');"
            "CREATE FOREIGN TABLE {0}.child_two () INHERITS ({0}.family_client)"
            " SERVER {0} OPTIONS (resource 'client');".format(schema))
        script.append(LATER_ENTRIES % (schema + ".parted_entry") + ";")
    psql.run("\n".join(script))


def compound_models(model):
    """What the generator has to know of them."""
    for name, of in (("twice_staff", "staff"), ("parted_entry", "time_entry"),
                     ("family_client", "client")):
        base = model.tables[of]
        yield Table(name, base.columns, base.values, base.rows)


def make_worlds(psql, simulator, number, dialects, grants, folder):
    """Everything for one simulator: a World for each dialect."""
    worlds = []
    for dialect in dialects:
        short = "s%d_%s" % (number, dialect.replace("/", "_").replace(".", ""))
        schemas = ["%s_%d" % (short, n) for n in range(grants)]
        for n, schema in enumerate(schemas):
            options = SERVER_OPTIONS
            if n % 3 == 1:
                options += ", call_cost '1'"
            if n % 3 == 2:
                options += ", push_assumed 'off'"
            connect(psql, simulator, dialect, schema, options)
        tables = read_model(psql, simulator, dialect, schemas[0])
        model = Model([t for t, _ in tables])
        local = short + "_local"
        load_local(psql, local, schemas[0], tables, folder)
        add_compound_tables(psql, local, True)
        for schema in schemas:
            add_compound_tables(psql, schema, False)
        model = Model(list(model.tables.values()) + list(compound_models(model)))
        world = World(dialect, local, model)
        world.foreign = schemas
        world.trusting = [s for n, s in enumerate(schemas) if n % 3 != 2]
        worlds.append(world)
    return worlds
