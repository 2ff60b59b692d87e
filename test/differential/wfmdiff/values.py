"""Values of a query.

A query is text with places for values.  One run writes them into the text,
another makes them parameters of a prepared statement, so each place knows
its type and several values.
"""

import dataclasses
import datetime


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def literal(value, type_name):
    """An SQL literal; None is NULL, a list is an array."""
    if value is None:
        return "NULL::" + type_name
    if isinstance(value, list):
        inner = ", ".join(literal(one, type_name[:-2]) for one in value)
        return "ARRAY[%s]::%s" % (inner, type_name)
    return "%s::%s" % (quoted(value), type_name)


@dataclasses.dataclass
class Place:
    type: str
    values: list  # one for each execution


class Places:
    """Collects the places of one query; text() gives the mark of a new one."""

    EXECUTIONS = 2

    def __init__(self):
        self.places = []

    def text(self, type_name, make):
        self.places.append(Place(type_name, [make() for _ in range(self.EXECUTIONS)]))
        return "\x01%d\x02" % len(self.places)

    def fill(self, sql, write):
        for number, place in enumerate(self.places, 1):
            sql = sql.replace("\x01%d\x02" % number, write(number, place))
        return sql

    def inline(self, sql, execution=0):
        return self.fill(sql, lambda _, p: literal(p.values[execution], p.type))

    def parameters(self, sql):
        return self.fill(sql, lambda n, _: "$%d" % n)

    def types(self):
        return ", ".join(place.type for place in self.places)

    def arguments(self, execution):
        return ", ".join(literal(p.values[execution], p.type) for p in self.places)


# Values that occur in no row.
STRANGERS = {
    "uuid": ["00000000-0000-0000-0000-000000000000"],
    "text": ["", "no such thing", "%", "J'1", "../x", "é/ü?#&+ "],
    "date": ["2024-02-29", "1999-12-31", "2199-01-01", "infinity", "-infinity"],
    "boolean": ["true", "false"],
    "integer": ["0", "-1", "2147483647"],
    "numeric": ["0", "-0.5", "1e6"],
}


def draw(random, table, column):
    """A value of the column: one that occurs, a neighbour, a stranger, NULL."""
    known = table.values.get(column.name) or []
    chance = random.random()
    if chance < 0.04:
        return None
    if chance < 0.12 or not known:
        strangers = STRANGERS.get(column.type)
        if strangers:
            return random.choice(strangers)
        if not known:
            return None
    value = random.choice(known)
    if column.type == "date" and chance < 0.35:
        day = datetime.date.fromisoformat(value[:10])
        value = str(day + datetime.timedelta(days=random.choice([-400, -31, -1, 1, 2, 90])))
    return value


def draw_list(random, table, column):
    """A list of values, some twice, some NULL, perhaps none."""
    values = [draw(random, table, column) for _ in range(random.choice([0, 1, 2, 2, 3, 4]))]
    if values and random.random() < 0.3:
        values.append(random.choice(values))
    return values
