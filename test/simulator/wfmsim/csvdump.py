"""Records to CSV, straight from the world and never through XML.

Columns are named as tables made from the API name them.  Empty without
quotes is NULL; text is always quoted, so COPY ... CSV HEADER reads it back.
A table of the lists inside records begins with the key of the record that
holds the list and an ordinal, counted from 1 in the order of the account.
"""

import datetime
import os
from dataclasses import dataclass

from . import dialects
from .world import NULL_DAY


@dataclass(frozen=True)
class Table:
    """One table: records of a resource, or lists inside them.

    lists   names of the list attributes, outermost first; none for the
            records themselves
    keys    columns in front: (name, depth of the record that has it,
            attribute, kind)
    """
    resource: str
    fields: tuple
    keep: object = None
    on: str = "WXP"
    lists: tuple = ()
    keys: tuple = ()


def _of(resource, keep=None, on="WXP"):
    return Table(resource, dialects.RESOURCES[resource].fields, keep, on)


def _client_list(attr, fields, on="WXP"):
    return Table("client", fields, None, on, (attr,), (("client_uuid", 0, "uuid", "uuid"),))


def _job_list(attr, fields, on="WXP"):
    return Table("job", fields, None, on, (attr,), (("job_id", 0, "id", "text"),))


def _number_list(resource, attr, fields):
    return Table(resource, fields, None, "WXP", (attr,),
                 ((resource + "_id", 0, "id", "text"),))


def _is_open(job):
    return job["open"]


def _draft(attr):
    return lambda record: record[attr] == "Draft"


def _not_draft(attr):
    return lambda record: record[attr] != "Draft"


TABLES = {
    "client": _of("client"),
    "job": _of("job"),
    "job_current": _of("job", _is_open),
    "staff": _of("staff"),
    "time_entry": _of("time"),
    "category": _of("category"),
    "template": _of("template"),
    "task": _of("task"),
    "job_state": _of("job_state", on="X"),
    "client_group": _of("client_group"),
    "cost": _of("cost"),
    "custom_field": _of("custom_field"),
    "invoice": _of("invoice", _not_draft("status")),
    "invoice_draft": _of("invoice", _draft("status")),
    "quote": _of("quote", _not_draft("state")),
    "quote_draft": _of("quote", _draft("state")),
    "client_contact": _client_list("contacts", dialects.CONTACT),
    "client_note": _client_list("notes", dialects.CLIENT_NOTE),
    "client_relationship": _client_list("relationships", dialects.RELATIONSHIP, "XP"),
    "client_document": _client_list("documents", dialects.DOCUMENT),
    "client_group_member": Table(
        "client_group", dialects.NAMED, None, "WXP", ("clients",),
        (("client_group_uuid", 0, "uuid", "uuid"),)),
    "job_task": _job_list("tasks", dialects.JOB_TASK),
    "job_assignee": _job_list("assigned", dialects.ASSIGNEE),
    "job_task_assignee": Table(
        "job", dialects.ASSIGNEE, None, "WXP", ("tasks", "assigned"),
        (("job_id", 0, "id", "text"), ("job_task_uuid", 1, "uuid", "uuid"))),
    "job_milestone": _job_list("milestones", dialects.MILESTONE),
    "job_note": _job_list("notes", dialects.JOB_NOTE),
    "job_note_comment": Table(
        "job", dialects.NOTE_COMMENT, None, "WXP", ("notes", "comments"),
        (("job_id", 0, "id", "text"), ("job_note_uuid", 1, "uuid", "uuid"))),
    "job_cost": _job_list("costs", dialects.JOB_COST),
    "job_document": _job_list("documents", dialects.JOB_DOCUMENT),
    "invoice_job": _number_list("invoice", "jobs", tuple(
        f for f in dialects.INVOICE_JOB if f.element != "ID")
        + (dialects.Field("ID", "id", "text", column="job_id"),)),
    "invoice_job_task": Table(
        "invoice", dialects.INVOICE_TASK, None, "WXP", ("jobs", "tasks"),
        (("invoice_id", 0, "id", "text"), ("job_id", 1, "id", "text"))),
    "invoice_job_cost": Table(
        "invoice", dialects.COST_LINE, None, "WXP", ("jobs", "costs"),
        (("invoice_id", 0, "id", "text"), ("job_id", 1, "id", "text"))),
    "invoice_task": _number_list("invoice", "tasks", dialects.INVOICE_TASK),
    "invoice_cost": _number_list("invoice", "costs", dialects.COST_LINE),
    "invoice_payment": _number_list("invoice", "payments", dialects.PAYMENT),
    "quote_task": _number_list("quote", "tasks", dialects.QUOTE_TASK),
    "quote_cost": _number_list("quote", "costs", dialects.COST_LINE),
    "quote_option": _number_list("quote", "options", dialects.QUOTE_OPTION),
}


# -- values ---------------------------------------------------------------

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
    "text": quoted, "uuid": plain, "int": plain, "number_text": plain, "dec2": plain,
    "yn": boolean, "bool": boolean, "day": day, "plain_day": day, "day_or_stamp": day,
    "compact_day": day, "stamp": stamp, "utc": utc, "clock": clock,
}


# -- columns --------------------------------------------------------------

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
    if "." in attr:
        first, second = attr.split(".")
        return [(name, lambda record: write(record[first][second]))]
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


# -- tables ---------------------------------------------------------------

def _rows(records, lists, above=()):
    """(chain of records from the outermost, ordinal in its list) of a table."""
    if not lists:
        for number, record in enumerate(records, 1):
            yield above + (record,), number
        return
    for record in records:
        yield from _rows(record[lists[0]] or (), lists[1:], above + (record,))


def table(world, name, dialect):
    """A table as text, or None when the dialect has no such table."""
    spec = TABLES[name]
    letter = dialect.letter
    if letter not in spec.on:
        return None
    heads = columns(spec.fields, letter)
    front = [column for column, _, _, _ in spec.keys] + (["ordinal"] if spec.lists else [])
    lines = [",".join(front + [column for column, _ in heads])]
    writers = [writer for _, writer in heads]
    records = world.tables[dialects.RESOURCES[spec.resource].table]
    if spec.keep is not None:
        records = filter(spec.keep, records)
    for chain, ordinal in _rows(records, spec.lists):
        cells = [WRITERS[kind](chain[depth][attr]) for _, depth, attr, kind in spec.keys]
        if spec.lists:
            cells.append(str(ordinal))
        record = chain[-1]
        cells += [writer(record) for writer in writers]
        lines.append(",".join(cells))
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
