"""Records to CSV, straight from the world and never through XML.

Columns are named as tables made from the API name them.  Empty without
quotes is NULL; text is always quoted, so COPY ... CSV HEADER reads it back.
"""

import datetime
import os

from . import dialects
from .world import NULL_DAY

TABLES = {
    "client": ("client", None),
    "job": ("job", None),
    "job_current": ("job", lambda record: record["open"]),
    "staff": ("staff", None),
    "time_entry": ("time", None),
    "category": ("category", None),
    "template": ("template", None),
    "task": ("task", None),
    "job_state": ("job_state", None),
}


def quoted(text):
    """A text value; the vendor's empty text is NULL."""
    if text is None or text == "":
        return ""
    return '"%s"' % text.replace('"', '""')


def plain(value):
    return "" if value is None else str(value)


def boolean(value):
    return "" if value is None else ("true" if value else "false")


def day(value):
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        value = value.date()
    return "" if value == NULL_DAY else value.isoformat()


def stamp(value):
    return "" if value is None else value.isoformat(sep=" ")


def utc(value):
    return "" if value is None else value.isoformat(sep=" ") + "+00"


def clock(value):
    return "" if value is None else "%02d:%02d" % divmod(value, 60)


WRITERS = {
    "text": quoted, "uuid": plain, "int": plain, "yn": boolean, "bool": boolean,
    "dec2": plain, "day": day, "plain_day": day, "day_or_stamp": day,
    "stamp": stamp, "utc": utc, "clock": clock,
}


def columns(fields, letter, prefix=""):
    """List of (name, function from a record to CSV text)."""
    out = []
    for field in fields:
        if letter not in field.on or field.kind == "list":
            continue
        name = prefix + field.column_name()
        for column, writer in _columns_of(field, letter, name):
            if field.when:
                writer = _only_when(field.when, writer)
            out.append((column, writer))
    return out


def _only_when(flag, writer):
    return lambda record: writer(record) if record[flag] else ""


def _columns_of(field, letter, name):
    attr = field.attr
    if field.kind in ("ref", "jobref"):
        if field.kind == "jobref":
            key, suffix, write = "id", "_id", quoted
        elif letter == "P":
            key, suffix, write = "legacy_id", "_legacy_id", plain
        else:
            key, suffix, write = "uuid", "_uuid", plain
        return [(name + suffix, _through(attr, key, write)),
                (name + "_name", _through(attr, "name", quoted))]
    if field.kind == "object":
        return [(column, _inside(attr, writer))
                for column, writer in columns(field.item, letter, name + "_")]
    if field.kind == "page":
        return [(name, lambda record: quoted(field.template % record[attr]))]
    write = WRITERS[field.kind]
    return [(name, lambda record: write(record[attr]))]


def _through(attr, key, write):
    def writer(record):
        ref = record[attr]
        return "" if ref is None else write(ref[key])
    return writer


def _inside(attr, writer):
    def inner(record):
        value = record[attr]
        return "" if value is None else writer(value)
    return inner


def table(world, name, dialect):
    """A table as text, or None when the dialect has no such table."""
    source, keep = TABLES[name]
    resource = dialects.RESOURCES[source]
    if name == "job_state" and dialect.letter != "X":
        return None
    heads = columns(resource.fields, dialect.letter)
    lines = [",".join(column for column, _ in heads)]
    writers = [writer for _, writer in heads]
    for record in world.tables[resource.table]:
        if keep is None or keep(record):
            lines.append(",".join([writer(record) for writer in writers]))
    return "\n".join(lines) + "\n"


def dump(world, folder):
    """Write every table of every dialect: FOLDER/practicemanager-3.1/job.csv."""
    for dialect in dialects.DIALECTS:
        below = os.path.join(folder, dialect.name.replace("/", "-"))
        os.makedirs(below, exist_ok=True)
        for name in TABLES:
            text = table(world, name, dialect)
            if text is not None:
                path = os.path.join(below, name + ".csv")
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
