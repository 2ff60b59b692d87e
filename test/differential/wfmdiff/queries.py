"""Random queries."""

import dataclasses

from .conditions import Conditions
from .values import Places, draw

# Kinds of plans: every join method with either side inner, rescans without
# a cache in front of them, one request after another.
ANY_PLAN = [[], [], [], ["enable_nestloop = off"],
            ["enable_nestloop = off", "enable_hashjoin = off"],
            ["enable_nestloop = off", "enable_mergejoin = off"],
            ["enable_memoize = off"], ["enable_async_append = off"],
            ["enable_hashagg = off"], ["enable_sort = off"],
            ["jit = on", "jit_above_cost = 0", "jit_inline_above_cost = 0",
             "jit_optimize_above_cost = 0"],
            ["parallel_setup_cost = 0", "parallel_tuple_cost = 0",
             "min_parallel_table_scan_size = 0"],
            ["enable_hashjoin = off", "enable_mergejoin = off", "enable_material = off"],
            ["work_mem = '64kB'", "hash_mem_multiplier = 1"], ["from_collapse_limit = 1", "join_collapse_limit = 1"]]

# These make a call for each row of the outer side, and may never be told that
# a list would have been cheaper (tables of one call for each parent).
NESTED_PLAN = [[], ["enable_hashjoin = off", "enable_mergejoin = off"],
               ["enable_hashjoin = off", "enable_mergejoin = off", "enable_memoize = off"],
               ["enable_hashjoin = off", "enable_mergejoin = off", "enable_material = off",
                "enable_memoize = off"]]

# Tables with the most ways to be asked.
OFTEN = ["client", "job", "time_entry", "time_entry", "parted_entry", "invoice", "staff"]

ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu"]


@dataclasses.dataclass
class Query:
    sql: str  # with places for values
    places: Places
    settings: list
    mode: str  # plain, cursor, custom, generic


class Source:
    """Something in FROM: its text, and how its columns are called."""

    def __init__(self, table, alias, text=None):
        self.table = table
        self.alias = alias
        self.text = text or "%s AS %s" % (table.name, alias)


class Generator:
    def __init__(self, random, model):
        self.random = random
        self.model = model
        self.places = None
        self.few = False  # only nested loops over few rows so far

    def query(self):
        random = self.random
        self.places = Places()
        self.few = False
        make = random.choice(
            [self._rows] * 6 + [self._totals] * 3 + [self._join] * 6 + [self._exists] * 3 +
            [self._lateral] * 2 + [self._scalar] * 2 + [self._sets] * 2 + [self._first] * 2 +
            [self._few_joined] * 5 + [self._count] + [self._latest] + [self._values_joined] * 2)
        sql = make()
        settings = list(random.choice(NESTED_PLAN if self.few else ANY_PLAN))
        settings.append("TimeZone = '%s'" % random.choice(ZONES))
        mode = random.choice(["plain"] * 5 + ["cursor"] + ["custom", "generic"] * 2)
        if mode in ("custom", "generic"):
            settings.append("plan_cache_mode = force_%s_plan" % mode)
        return Query(sql, self.places, settings, mode)

    # -- parts ------------------------------------------------------------------

    def source(self, alias, name=None):
        if name is None and self.random.random() < 0.5:
            name = self.random.choice([n for n in OFTEN if n in self.model.tables])
        table = self.model.tables[name or self.random.choice(sorted(self.model.tables))]
        return Source(table, alias)

    def conditions(self, source):
        return Conditions(self.random, self.places, source.table, source.alias)

    def where(self, *sources, chance=0.75):
        parts = [self.conditions(s).any() for s in sources if self.random.random() < chance]
        return " WHERE " + " AND ".join(parts) if parts else ""

    def columns(self, source, most=4):
        """Some columns, of types that can be compared."""
        able = [c for c in source.table.columns if c.type not in ("json", "xml")]
        return self.random.sample(able, min(len(able), self.random.randint(1, most)))

    def names(self, source, columns):
        return ['%s."%s"' % (source.alias, c.name) for c in columns]

    def order(self, names):
        """A total order of what is selected, so that LIMIT is one answer."""
        words = ["%d%s" % (n + 1, self.random.choice(["", "", " DESC", " NULLS FIRST"]))
                 for n in range(len(names))]
        self.random.shuffle(words)
        return " ORDER BY " + ", ".join(words)

    def bounds(self):
        random = self.random
        text = " LIMIT %d" % random.choice([0, 1, 1, 2, 3, 7, 20])
        if random.random() < 0.3:
            text += " OFFSET %d" % random.choice([0, 1, 2, 5])
        return text

    def few_rows(self, alias, name=None):
        """A source of at most a handful of rows."""
        source = self.source("u", name)
        names = self.names(source, source.table.columns)
        text = "(SELECT %s FROM %s%s%s LIMIT %d) AS %s" % (
            ", ".join(names), source.text, self.where(source),
            self.order(names), self.random.choice([1, 2, 4]), alias)
        return Source(source.table, alias, text)

    def joined_to(self, source, alias):
        """A source that refers to this one or is referred to, and on what."""
        near = self.model.neighbours(source.table.name)
        if not near:
            return None, None
        own, other, column = self.random.choice(near)
        inner = self.source(alias, other)
        return inner, '%s."%s" = %s."%s"' % (source.alias, own, alias, column)

    # -- kinds of queries -------------------------------------------------------

    def _rows(self):
        source = self.source("a")
        names = self.names(source, self.columns(source, 8))
        distinct = "DISTINCT " if self.random.random() < 0.1 else ""
        sql = "SELECT %s%s FROM %s%s" % (distinct, ", ".join(names), source.text,
                                         self.where(source, chance=0.95))
        if self.random.random() < 0.4:
            sql += self.order(names) + self.bounds()
        return sql

    def _first(self):
        """Without an order only the number of rows is known."""
        source = self.source("a")
        return "SELECT count(*) FROM (SELECT 1 FROM %s%s%s) AS limited" % (
            source.text, self.where(source), self.bounds())

    def _totals(self):
        source = self.source("a")
        column, other = (self.columns(source, 1)[0] for _ in range(2))
        name = '%s."%s"' % (source.alias, column.name)
        parts = ["count(*)", "count(%s)" % name, "count(DISTINCT %s)" % name]
        if column.type in ("integer", "numeric"):
            parts += ["sum(%s)" % name, "avg(%s)" % name]
        elif column.type not in ("uuid", "boolean", "jsonb"):
            parts += ["min(%s)" % name, "max(%s)" % name]
        where = self.where(source)
        if self.random.random() < 0.5:
            return "SELECT %s FROM %s%s" % (", ".join(parts), source.text, where)
        group = '%s."%s"' % (source.alias, other.name)
        sql = "SELECT %s, %s FROM %s%s GROUP BY %s" % (group, ", ".join(parts), source.text,
                                                       where, group)
        if self.random.random() < 0.3:
            sql += " HAVING count(*) > 1"
        return sql

    def _count(self):
        """What totals may answer."""
        source = self.source("a")
        return "SELECT count(*), count(*) + 1 FROM %s%s" % (source.text,
                                                            self.where(source, chance=0.2))

    def _latest(self):
        """What the API may sort, with a second column that makes it one answer."""
        source = self.source("a")
        moments = [c for c in source.table.columns if c.type == "timestamp with time zone"]
        if not moments:
            source = self.source("a", "job")
            moments = [c for c in source.table.columns if c.type == "timestamp with time zone"]
        keys = [c for c in source.table.columns if c.name in ("uuid", "id")]
        if not moments or not keys:
            return self._rows()
        names = self.names(source, [self.random.choice(moments)] + keys)
        direction = self.random.choice(["", " DESC"])
        return "SELECT %s FROM %s%s ORDER BY %s%s, %s%s" % (
            ", ".join(names), source.text, self.where(source, chance=0.3), names[0], direction,
            ", ".join(names[1:]), self.bounds())

    def _values_joined(self):
        """Keys that the query brings along: some twice, NULL, and strangers."""
        random = self.random
        source = self.source("a")
        column = self.conditions(source).column({"uuid", "text", "date", "integer"})
        if column is None:
            return self._rows()
        marks = [self.places.text(column.type, lambda: draw(random, source.table, column))
                 for _ in range(random.choice([1, 3, 8, 12]))]
        kind = random.choice(["JOIN", "LEFT JOIN"])
        names = self.names(source, self.columns(source, 3))
        return 'WITH w (k) AS MATERIALIZED (VALUES %s) SELECT w.k, %s FROM w %s %s ON %s."%s" = w.k%s' % (
            ", ".join("(%s)" % mark for mark in marks), ", ".join(names), kind, source.text,
            source.alias, column.name, self.where(source, chance=0.3))

    def _join(self, outer=None):
        random = self.random
        first = outer or self.source("a")
        second, condition = self.joined_to(first, "b")
        if second is None:
            return self._rows()
        kind = random.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]
                             if outer is None else ["JOIN", "JOIN", "LEFT JOIN"])
        extra = ""
        if kind != "FULL JOIN" and random.random() < 0.3:
            extra = " AND " + self.conditions(second).one()
        text = "%s %s %s ON %s%s" % (first.text, kind, second.text, condition, extra)
        sources = [first, second]
        if outer is None and random.random() < 0.35:
            third, condition = self.joined_to(random.choice(sources), "c")
            text += " %s %s ON %s" % (random.choice(["JOIN", "LEFT JOIN"]), third.text, condition)
            sources.append(third)
        names = [n for s in sources for n in self.names(s, self.columns(s, 3))]
        where = self.where(*sources, chance=0.45)
        if random.random() < 0.25:
            return "SELECT count(*), count(%s) FROM %s%s" % (names[-1], text, where)
        sql = "SELECT %s FROM %s%s" % (", ".join(names), text, where)
        if random.random() < 0.3:
            sql += self.order(names) + self.bounds()
        return sql

    def _few_joined(self):
        self.few = True
        return self._join(self.few_rows("a"))

    def _exists(self):
        random = self.random
        self.few = random.random() < 0.5
        outer = self.few_rows("a") if self.few else self.source("a")
        near = self.model.neighbours(outer.table.name)
        names = self.names(outer, self.columns(outer))
        if not near:
            return self._rows()
        own, other, column = random.choice(near)
        inner = self.source("b", other)
        condition = self.conditions(inner).any() if random.random() < 0.6 else "true"
        if random.random() < 0.6:
            test = '%sEXISTS (SELECT 1 FROM %s WHERE b."%s" = a."%s" AND %s)' % (
                random.choice(["", "NOT "]), inner.text, column, own, condition)
        else:
            test = 'a."%s" %s (SELECT b."%s" FROM %s WHERE %s)' % (
                own, random.choice(["IN", "IN", "NOT IN", "= ANY"]), column, inner.text, condition)
        return "SELECT %s FROM %s WHERE %s" % (", ".join(names), outer.text, test)

    def _lateral(self):
        random = self.random
        self.few = True
        outer = self.few_rows("a")
        near = self.model.neighbours(outer.table.name)
        if not near:
            return self._rows()
        own, other, column = random.choice(near)
        inner = self.source("b", other)
        chosen = self.names(inner, self.columns(inner))
        named = ["%s AS x%d" % (name, n) for n, name in enumerate(chosen)]
        where = 'b."%s" = a."%s"' % (column, own)
        if random.random() < 0.5:
            where += " AND " + self.conditions(inner).one()
        shown = self.names(outer, self.columns(outer)) + ["l.x%d" % n for n in range(len(named))]
        join, on = random.choice([("CROSS JOIN", ""), ("LEFT JOIN", " ON true")])
        return "SELECT %s FROM %s %s LATERAL (SELECT %s FROM %s WHERE %s%s%s) AS l%s" % (
            ", ".join(shown), outer.text, join, ", ".join(named), inner.text, where,
            self.order(chosen), self.bounds(), on)

    def _scalar(self):
        """A subquery that refers to the outer row."""
        random = self.random
        self.few = True
        outer = self.few_rows("a")
        near = self.model.neighbours(outer.table.name)
        if not near:
            return self._rows()
        own, other, column = random.choice(near)
        inner = self.source("b", other)
        condition = self.conditions(inner).one() if random.random() < 0.5 else "true"
        names = self.names(outer, self.columns(outer))
        return 'SELECT %s, (SELECT count(*) FROM %s WHERE b."%s" = a."%s" AND %s) FROM %s' % (
            ", ".join(names), inner.text, column, own, condition, outer.text)

    def _sets(self):
        random = self.random
        source = self.source("a")
        names = ", ".join(self.names(source, self.columns(source)))
        word = random.choice(["UNION ALL"] * 4 + ["UNION", "EXCEPT", "INTERSECT"])
        parts = ["SELECT %s FROM %s%s" % (names, source.text, self.where(source, chance=0.95))
                 for _ in range(random.choice([2, 2, 3]))]
        return (" %s " % word).join(parts)
