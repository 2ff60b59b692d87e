"""Random conditions on a table's columns."""

from .values import draw, draw_list, quoted

# Columns that some request takes as a parameter: worth asking for more often.
TELLING = {"uuid", "id", "date", "job_id", "staff_uuid", "client_uuid", "start_date"}

TIMES = ["00:00", "00:00+13", "12:00-11", "23:30+00", "23:59:59.999999", "10:59+00"]


class Conditions:
    """Conditions on one table under an alias."""

    def __init__(self, random, places, table, alias):
        self.random = random
        self.places = places
        self.table = table
        self.alias = alias

    def column(self, wanted=None):
        columns = [c for c in self.table.columns if wanted is None or c.type in wanted]
        if not columns:
            return None
        telling = [c for c in columns if c.name in TELLING]
        if telling and self.random.random() < 0.6:
            return self.random.choice(telling)
        return self.random.choice(columns)

    def name(self, column):
        return '%s."%s"' % (self.alias, column.name)

    def value(self, column):
        """A place for a value of the column, sometimes inside an expression."""
        random = self.random
        mark = self.places.text(column.type, lambda: draw(random, self.table, column))
        form = random.random()
        if form < 0.08:
            return "(SELECT %s)" % mark
        if form < 0.14 and column.type in ("text", "uuid", "date"):
            return "coalesce(%s, %s)" % (mark, mark)
        if form < 0.2 and column.type == "date":
            return "(%s + %d)" % (mark, random.choice([-30, -1, 0, 1, 365]))
        if form < 0.23 and column.type == "text":
            return "%s::varchar" % mark
        return mark

    def one(self):
        column = self.column()
        makers = [self._equal, self._list, self._null]
        makers += {
            "text": [self._like, self._range, self._folded, self._either],
            "uuid": [self._either, self._range, self._as_text],
            "date": [self._range, self._between, self._moment, self._moment, self._part],
            "boolean": [self._truth, self._truth],
            "integer": [self._range, self._between],
            "numeric": [self._range, self._between],
            "timestamp with time zone": [self._range, self._between, self._moment],
            "timestamp without time zone": [self._range, self._between],
            "time without time zone": [self._range],
        }.get(column.type, [])
        return self.random.choice(makers)(column)

    def any(self, depth=0):
        """A condition, perhaps of several joined by AND, OR and NOT."""
        random = self.random
        chance = random.random()
        if depth < 2 and chance < 0.25:
            return "(%s AND %s)" % (self.any(depth + 1), self.any(depth + 1))
        if depth < 2 and chance < 0.4:
            return "(%s OR %s)" % (self.any(depth + 1), self.any(depth + 1))
        if depth < 2 and chance < 0.5:
            return "(NOT %s)" % self.any(depth + 1)
        return self.one()

    # -- kinds of conditions --------------------------------------------------

    def _equal(self, column):
        operator = self.random.choice(["=", "=", "=", "=", "<>", "IS NOT DISTINCT FROM"])
        sides = [self.name(column), self.value(column)]
        if self.random.random() < 0.2:
            sides.reverse()
        return "%s %s %s" % (sides[0], operator, sides[1])

    def _list(self, column):
        random = self.random
        form = random.random()
        if form < 0.45:
            marks = [self.value(column) for _ in range(random.choice([1, 2, 3, 5]))]
            word = "NOT IN" if random.random() < 0.15 else "IN"
            return "%s %s (%s)" % (self.name(column), word, ", ".join(marks))
        array = self.places.text(column.type + "[]",
                                 lambda: draw_list(random, self.table, column))
        if form < 0.8:
            return "%s = ANY (%s)" % (self.name(column), array)
        if form < 0.9:
            return "%s = ANY (ARRAY(SELECT unnest(%s)))" % (self.name(column), array)
        return "%s <> ALL (%s)" % (self.name(column), array)

    def _null(self, column):
        return "%s IS %s" % (self.name(column), self.random.choice(["NULL", "NOT NULL"]))

    def _range(self, column):
        operators = ["<", "<=", ">", ">="]
        first = "%s %s %s" % (self.name(column), self.random.choice(operators),
                              self.value(column))
        if self.random.random() < 0.5:
            return first
        return "(%s AND %s %s %s)" % (first, self.name(column),
                                      self.random.choice(operators), self.value(column))

    def _between(self, column):
        word = self.random.choice(["BETWEEN", "BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN"])
        return "(%s %s %s AND %s)" % (self.name(column), word, self.value(column),
                                      self.value(column))

    def _either(self, column):
        marks = [self.value(column) for _ in range(self.random.choice([2, 2, 3]))]
        return "(%s)" % " OR ".join("%s = %s" % (self.name(column), m) for m in marks)

    def _like(self, column):
        known = self.table.values.get(column.name) or ["x"]
        text = self.random.choice(known).replace("\\", "")
        part = text[:self.random.choice([1, 2, 4])]
        pattern = self.random.choice(["%s%%", "%%%s%%", "%%%s", "_%s%%"]) % part
        word = self.random.choice(["LIKE", "LIKE", "NOT LIKE", "ILIKE"])
        return "%s %s %s" % (self.name(column), word, quoted(pattern))

    def _folded(self, column):
        mark = self.value(column)
        return self.random.choice([
            "lower(%s) = lower(%s)" % (self.name(column), mark),
            '%s = %s COLLATE "C"' % (self.name(column), mark),
            "%s || '' = %s" % (self.name(column), mark),
        ])

    def _as_text(self, column):
        return "%s::text LIKE %s" % (self.name(column),
                                     quoted(self.random.choice("0123456789abcdef") + "%"))

    def _moment(self, column):
        """A date against a moment, which depends on the session's zone."""
        known = self.table.values.get(column.name) or ["2025-06-30"]
        moment = quoted("%s %s" % (self.random.choice(known)[:10], self.random.choice(TIMES)))
        type_name = self.random.choice(["timestamptz", "timestamptz", "timestamp"])
        operator = self.random.choice(["<", "<=", ">", ">=", "=", "<>"])
        other = "%s::%s" % (moment, type_name)
        if self.random.random() < 0.3:
            return "%s %s %s" % (other, operator, self.name(column))
        return "%s %s %s" % (self.name(column), operator, other)

    def _part(self, column):
        return self.random.choice([
            "extract(month FROM %s) = %d" % (self.name(column), self.random.randint(1, 12)),
            "date_trunc('month', %s) = date_trunc('month', %s)"
            % (self.name(column), self.value(column)),
            "%s - %s < 40" % (self.name(column), self.value(column)),
        ])

    def _truth(self, column):
        name = self.name(column)
        return self.random.choice([
            name, "(NOT %s)" % name, "%s IS TRUE" % name, "%s IS NOT TRUE" % name,
            "%s IS FALSE" % name, "%s IS NOT FALSE" % name, "%s = %s" % (name, self.value(column)),
        ])
