"""Records to CSV, straight from the world and never through XML.

Columns are named as tables made from the API name them.  Empty without
quotes is NULL; text is always quoted, so COPY ... CSV HEADER reads it back.
A table of the lists inside records begins with the key of the record that
holds the list and an ordinal, counted from 1 in the order of the account.
"""

import datetime
import os
from dataclasses import dataclass

from . import dialects, nouns, paperwork
from .dialects import _letters
from .world import NULL_DAY


@dataclass(frozen=True)
class Table:
    """One table: records of a resource, or lists inside them.

    lists   names of the list attributes, outermost first; none for the
            records themselves
    keys    columns in front: (name, depth of the record that has it,
            attribute, kind[, letters of the dialects that have it])
    values  what kind of record it is whose values of custom fields are the
            rows; the lists then lead to that record
    ordinal whether the position in the list is a column
    """
    resource: str
    fields: tuple
    keep: object = None
    on: str = "WXP"
    lists: tuple = ()
    keys: tuple = ()
    values: str = ""
    ordinal: bool = True

    def __post_init__(self):
        object.__setattr__(self, "on", _letters(self.on) if "B" not in self.on else self.on)


def _values(resource, kind, keys, lists=(), on="WXP"):
    """Values of custom fields of a kind of records."""
    return Table(resource, VALUE, None, on, lists, keys, kind, False)


def _owner(name, depth=0):
    """The key of a record: its UUID, or the integer on practicemanager/3.0."""
    return ((name + "_uuid", depth, "uuid", "uuid", "WBX"),
            (name + "_legacy_id", depth, "legacy_id", "int", "P"))


# A value as one text, and again in a column of its kind.
VALUE = tuple(
    dialects.replace(f, column={
        "ID": "field_legacy_id", "UUID": "field_uuid", "Name": "name", "Text": "value_text",
        "Decimal": "value_decimal", "Number": "value_number", "Boolean": "value_boolean",
        "Date": "value_date"}[f.element])
    for f in dialects.CUSTOM_VALUE)


def _of(resource, keep=None, on="WXP"):
    return Table(resource, dialects.RESOURCES[resource].fields, keep, on)


def _client_list(attr, fields, on="WXP"):
    return Table("client", fields, None, on, (attr,), (("client_uuid", 0, "uuid", "uuid"),))


def _job_list(attr, fields, on="WXP"):
    return Table("job", fields, None, on, (attr,), (("job_id", 0, "id", "text"),))


def _number_list(resource, attr, fields, draft=False):
    """Lists of invoices and the like: of the drafts, or of the others."""
    state = "status" if resource == "invoice" else "state"
    on = "W" if resource == "purchase_order" else "WXP"
    return Table(resource, fields, (_draft if draft else _not_draft)(state), on, (attr,),
                 ((resource + "_id", 0, "id", "text"),))


def _lines_of_jobs(attr, fields, draft=False):
    """Lines below the jobs of invoices."""
    return Table("invoice", fields, (_draft if draft else _not_draft)("status"), "WXP",
                 ("jobs", attr), (("invoice_id", 0, "id", "text"), ("job_id", 1, "id", "text")))


def _is_open(job):
    return job["open"]


def _draft(attr):
    return lambda record: record[attr] == "Draft"


def _not_draft(attr):
    return lambda record: record[attr] != "Draft"


# The number of the job is job_id beside that of the invoice.
INVOICE_JOB = tuple(f for f in dialects.INVOICE_JOB if f.element != "ID") \
    + (dialects.Field("ID", "id", "text", column="job_id"),)

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
    "client_document": Table("client", dialects.DOCUMENT, None, "WXP", ("documents",),
                             _owner("client")),
    "contact": _of("contact", on="X"),
    "client_custom_field": _values("client", "client", _owner("client")),
    "client_contact_custom_field": _values("contact", "contact", _owner("contact")),
    "job_custom_field": _values("job", "job", (("job_id", 0, "id", "text"),)),
    "job_task_custom_field": _values("job", "job_task", _owner("job_task", 1), ("tasks",)),
    "job_cost_custom_field": _values("job", "job_cost", _owner("job_cost", 1), ("costs",)),
    "time_entry_custom_field": _values("time", "time", _owner("time_entry")),
    "client_group_member": Table(
        "client_group", tuple(dialects.replace(f, column="client_" + f.column_name())
                              for f in dialects.NAMED),
        None, "WXP", ("clients",),
        _owner("client_group") + (("client_group_name", 0, "name", "text"),), ordinal=False),
    "job_task": _job_list("tasks", dialects.JOB_TASK),
    "job_assignee": _job_list("assigned", dialects.ASSIGNEE),
    "job_task_assignee": Table(
        "job", dialects.ASSIGNEE, None, "WXP", ("tasks", "assigned"),
        (("job_id", 0, "id", "text"),) + _owner("job_task", 1)),
    "job_milestone": _job_list("milestones", dialects.MILESTONE),
    "job_note": _job_list("notes", dialects.JOB_NOTE),
    "job_note_comment": Table(
        "job", dialects.NOTE_COMMENT, None, "WXP", ("notes", "comments"),
        (("job_id", 0, "id", "text"),) + _owner("job_note", 1)),
    "job_cost": _job_list("costs", dialects.JOB_COST),
    "job_document": _job_list("documents", dialects.JOB_DOCUMENT),
    "invoice_job": _number_list("invoice", "jobs", INVOICE_JOB),
    "invoice_job_task": _lines_of_jobs("tasks", dialects.INVOICE_TASK),
    "invoice_job_cost": _lines_of_jobs("costs", dialects.COST_LINE),
    "invoice_task": _number_list("invoice", "tasks", dialects.INVOICE_TASK),
    "invoice_cost": _number_list("invoice", "costs", dialects.COST_LINE),
    "invoice_draft_job": _number_list("invoice", "jobs", INVOICE_JOB, True),
    "invoice_draft_job_task": _lines_of_jobs("tasks", dialects.INVOICE_TASK, True),
    "invoice_draft_job_cost": _lines_of_jobs("costs", dialects.COST_LINE, True),
    "invoice_draft_task": _number_list("invoice", "tasks", dialects.INVOICE_TASK, True),
    "invoice_draft_cost": _number_list("invoice", "costs", dialects.COST_LINE, True),
    "invoice_payment": _number_list("invoice", "payments", dialects.PAYMENT),
    "quote_task": _number_list("quote", "tasks", dialects.QUOTE_TASK),
    "quote_cost": _number_list("quote", "costs", dialects.COST_LINE),
    "quote_option": _number_list("quote", "options", dialects.QUOTE_OPTION),
    "quote_draft_task": _number_list("quote", "tasks", dialects.QUOTE_TASK, True),
    "quote_draft_cost": _number_list("quote", "costs", dialects.COST_LINE, True),
    "quote_draft_option": _number_list("quote", "options", dialects.QUOTE_OPTION, True),
    "supplier": _of("supplier", on="W"),
    "supplier_contact": Table("supplier", dialects.SUPPLIER_CONTACT, None, "W", ("contacts",),
                              (("supplier_uuid", 0, "uuid", "uuid"),)),
    "supplier_note": Table("supplier", dialects.CLIENT_NOTE, None, "W", ("notes",),
                           (("supplier_uuid", 0, "uuid", "uuid"),)),
    "supplier_custom_field": _values("supplier", "supplier", _owner("supplier"), on="W"),
    "supplier_contact_custom_field": _values("supplier", "contact", _owner("contact", 1),
                                             ("contacts",), "W"),
    "lead": _of("lead", on="W"),
    "lead_category": _of("lead_category", on="W"),
    "lead_activity": Table("lead", dialects.LEAD_ACTIVITY, None, "W", ("activities",),
                           (("lead_uuid", 0, "uuid", "uuid"),)),
    "lead_history": Table("lead", dialects.LEAD_HISTORY, None, "W", ("history",),
                          (("lead_uuid", 0, "uuid", "uuid"),)),
    "lead_custom_field": _values("lead", "lead", _owner("lead"), on="W"),
    "quote_custom_field": _values("quote", "quote", _owner("quote"), on="B"),
    "purchase_order": _of("purchase_order", _not_draft("state"), "W"),
    "purchase_order_draft": _of("purchase_order", _draft("state"), "W"),
    "purchase_order_cost": _number_list("purchase_order", "costs", dialects.ORDER_COST),
    "purchase_order_draft_cost": _number_list("purchase_order", "costs", dialects.ORDER_COST,
                                              True),
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
    letter = dialect.letter
    if letter == "N":
        return nouns.csv_table(world, name, WRITERS) if name in nouns.csv_tables() else None
    if name not in TABLES:
        return None
    spec = TABLES[name]
    if letter not in spec.on:
        return None
    heads = columns(spec.fields, letter)
    keys = [key for key in spec.keys if len(key) < 5 or letter in key[4]]
    ordinal = spec.lists and spec.ordinal
    front = [key[0] for key in keys] + (["ordinal"] if ordinal else [])
    lines = [",".join(front + [column for column, _ in heads])]
    writers = [writer for _, writer in heads]
    records = world.tables[dialects.RESOURCES[spec.resource].table]
    if spec.keep is not None:
        records = filter(spec.keep, records)
    for chain, number in _rows(records, spec.lists):
        cells = [WRITERS[key[3]](chain[key[1]][key[2]]) for key in keys]
        if ordinal:
            cells.append(str(number))
        rows = chain[-1:]
        if spec.values:
            rows = paperwork.custom_values(world, spec.values, chain[-1])
        for record in rows:
            lines.append(",".join(cells + [writer(record) for writer in writers]))
    return "\n".join(lines) + "\n"


def names():
    """Every table of any dialect."""
    return sorted(set(TABLES) | set(nouns.csv_tables()))


def dump(world, folder):
    """Write every table of every dialect: FOLDER/practicemanager-3.1/job.csv."""
    for dialect in dialects.DIALECTS:
        below = os.path.join(folder, dialect.name.replace("/", "-"))
        os.makedirs(below, exist_ok=True)
        for name in names():
            text = table(world, name, dialect)
            if text is not None:
                path = os.path.join(below, name + ".csv")
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
