"""Tables, columns, and the values that occur in them."""

import csv
import dataclasses
import io


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    type: str  # as format_type() writes it


@dataclasses.dataclass
class Table:
    name: str
    columns: list
    values: dict  # column name -> sorted texts that occur, without NULL
    rows: int

    def column(self, name):
        return next((c for c in self.columns if c.name == name), None)


# What refers to what; those whose tables or columns are missing are left out.
REFERENCES = [
    ("job", "client_uuid", "client", "uuid"),
    ("job", "manager_uuid", "staff", "uuid"),
    ("job", "partner_uuid", "staff", "uuid"),
    ("job_current", "client_uuid", "client", "uuid"),
    ("job_current", "id", "job", "id"),
    ("time_entry", "job_id", "job", "id"),
    ("time_entry", "job_id", "job_current", "id"),
    ("time_entry", "staff_uuid", "staff", "uuid"),
    ("client", "account_manager_uuid", "staff", "uuid"),
    ("client", "job_manager_uuid", "staff", "uuid"),
    ("invoice", "client_uuid", "client", "uuid"),
    ("quote", "client_uuid", "client", "uuid"),
    ("client_contact", "client_uuid", "client", "uuid"),
    ("job_task", "job_id", "job", "id"),
    ("job_assignee", "job_id", "job", "id"),
]


class Model:
    """The tables of one dialect."""

    def __init__(self, tables):
        self.tables = {table.name: table for table in tables}
        self.references = [
            r for r in REFERENCES
            if self._has(r[0], r[1]) and self._has(r[2], r[3])
        ]

    def _has(self, table, column):
        return table in self.tables and self.tables[table].column(column) is not None

    def neighbours(self, table):
        """(own column, other table, its column) of every reference."""
        found = [(r[1], r[2], r[3]) for r in self.references if r[0] == table]
        found += [(r[3], r[0], r[1]) for r in self.references if r[2] == table]
        return found


def table_from_csv(name, types, texts):
    """A Table of the texts of dumps; types maps the foreign table's columns to
    their types, and columns that only one side has are left out."""
    rows = []
    for text in texts:
        reader = csv.reader(io.StringIO(text, newline=""))
        header = next(reader)
        rows += list(reader)
    columns, values = [], {}
    for place, column in enumerate(header):
        if column not in types:
            continue
        columns.append(Column(column, types[column]))
        values[column] = sorted({row[place] for row in rows if row[place] != ""})
    return Table(name, columns, values, len(rows))
