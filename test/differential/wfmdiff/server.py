"""The databases' side: connections, tables, psql, and the simulators."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

from .model import Column, Model, Table, table_from_csv
from .values import quoted

DIALECTS = {
    "practicemanager/3.1": "PRACTICEMANAGER",
    "practicemanager/3.0": "PRACTICEMANAGER",
    "workflowmax/3.0": "WORKFLOWMAX",
    "bluerock/1": "WORKFLOWMAX",
    "bluerock/2": "WORKFLOWMAX",
}

# What each tenant of a server with several is called.
LABELS = ["First", "Kauri & Sons"]

# The dialect of which servers with several tenants are made.
SEVERAL_TENANTS = "practicemanager/3.1"

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

    def csv(self, table, dialect, world="main"):
        return self._ask("csv/%s?dialect=%s&world=%s" % (table, dialect, world))

    def tenants(self, type_name):
        """(id, data it shows) of each tenant of a type."""
        tenants = json.loads(self._ask("state"))["tenants"]
        return [(t["tenant_id"], t["world"]) for t in tenants if t["type"] == type_name]

    def new_grant(self, client_id, vendor):
        self._ask("tokens", {"new_client": {"client_id": client_id, "secret": "s"}})
        answer = self._ask("tokens", {"new_grant": {"client_id": client_id, "vendor": vendor}})
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
    vendor = "bluerock" if dialect.startswith("bluerock") else "xero"
    oauth = simulator.url + ("/oauth/" if vendor == "bluerock" else "/connect/")
    row = {
        "name": name, "api": dialect, "client_id": name, "client_secret": "s",
        "refresh_token": simulator.new_grant(name, vendor), "calls_per_minute": "600",
        "tenant_id": simulator.tenants(DIALECTS[dialect])[0][0],
        "api_url": "%s/%s/" % (simulator.url, dialect),
        "token_url": oauth + "token",
        "authorize_url": simulator.url + "/identity/connect/authorize",
    }
    if vendor == "bluerock":
        row["authorize_url"] = oauth + "authorize"
    else:
        row["connections_url"] = simulator.url + "/connections"
    psql.run("SET client_min_messages = error;\n"
             "INSERT INTO wfm_connections (%s) VALUES (%s);\n"
             "CREATE SERVER %s FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection %s, %s);\n"
             "CREATE SCHEMA %s; IMPORT FOREIGN SCHEMA wfm FROM SERVER %s INTO %s;"
             % (", ".join(row), ", ".join(quoted(v) for v in row.values()),
                name, quoted(name), options, name, name, name))


def read_model(psql, simulator, dialect, schema, tenants):
    """The tables that both the schema and the simulator's dumps have, each
    with a dump for each tenant."""
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
            texts = [simulator.csv(name, dialect, world) for _, world in tenants]
        except urllib.error.HTTPError:
            continue
        table = table_from_csv(name, types[name], texts)
        for column, values in (("tenant_id", [t for t, _ in tenants]), ("tenant_name", LABELS)):
            if column in types[name]:
                table.columns.append(Column(column, types[name][column]))
                table.values[column] = values
        tables.append((table, texts))
    return tables


def copy_local(schema, table, text, number, folder):
    """Statements that load one dump, and its columns."""
    path = "%s/%s-%s-%d.csv" % (folder, schema, table.name, number)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    header = [name.strip('"') for name in text.split("\n", 1)[0].strip().split(",")]
    return "COPY %s.%s (%s) FROM %s (FORMAT csv, HEADER);" % (
        schema, table.name, ", ".join('"%s"' % n for n in header), quoted(path)), header


def load_local(psql, schema, like, tables, folder, tenants):
    """Local tables of the dumps' rows."""
    script = ["CREATE SCHEMA %s;" % schema]
    for table, texts in tables:
        copies, headers = zip(*[copy_local(schema, table, text, n, folder)
                                for n, text in enumerate(texts)])
        header = headers[0]
        known = {c.name for c in table.columns}
        extra = [name for name in header if name not in known]
        names = ", ".join('"%s"' % c.name for c in table.columns)
        script.append("CREATE TABLE %s.%s AS SELECT %s FROM %s.%s WHERE false;"
                      % (schema, table.name, names, like, table.name))
        script += ['ALTER TABLE %s.%s ADD "%s" text;' % (schema, table.name, n) for n in extra]
        for (tenant, _), label, copy in zip(tenants, LABELS, copies):
            for column, value in (("tenant_id", tenant), ("tenant_name", label)):
                if column in known:
                    script.append("ALTER TABLE %s.%s ALTER %s SET DEFAULT %s;"
                                  % (schema, table.name, column, quoted(value)))
            script.append(copy)
        script += ["ALTER TABLE %s.%s ALTER %s DROP DEFAULT;" % (schema, table.name, column)
                   for column in ("tenant_id", "tenant_name") if column in known]
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
    """Everything for one simulator: a World for each dialect, and one whose
    servers read two tenants."""
    worlds = []
    for dialect in dialects:
        worlds.append(make_world(psql, simulator, number, dialect, 1, grants, folder))
        if len(simulator.tenants(DIALECTS[dialect])) > 1 and dialect == SEVERAL_TENANTS:
            worlds.append(make_world(psql, simulator, number, dialect, 2, grants, folder))
    return worlds


def make_world(psql, simulator, number, dialect, ntenants, grants, folder):
    """The foreign and local tables of one dialect."""
    tenants = simulator.tenants(DIALECTS[dialect])[:ntenants]
    short = "s%d_%s" % (number, dialect.replace("/", "_").replace(".", ""))
    if ntenants > 1:
        short += "_tenants"
    schemas = ["%s_%d" % (short, n) for n in range(grants)]
    for n, schema in enumerate(schemas):
        options = SERVER_OPTIONS
        if n % 3 == 1:
            options += ", call_cost '1'"
        if n % 3 == 2:
            options += ", push_assumed 'off'"
        if ntenants > 1:
            options += ", tenants " + quoted(", ".join(
                "%s=%s" % (t, label) for (t, _), label in zip(tenants, LABELS)))
        connect(psql, simulator, dialect, schema, options)
    tables = read_model(psql, simulator, dialect, schemas[0], tenants)
    model = Model([t for t, _ in tables])
    local = short + "_local"
    load_local(psql, local, schemas[0], tables, folder, tenants)
    add_compound_tables(psql, local, True)
    for schema in schemas:
        add_compound_tables(psql, schema, False)
    model = Model(list(model.tables.values()) + list(compound_models(model)))
    world = World(dialect, local, model)
    world.foreign = schemas
    world.trusting = [s for n, s in enumerate(schemas) if n % 3 != 2]
    return world
