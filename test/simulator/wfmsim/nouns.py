"""bluerock/2: resources as nouns, JSON, pages by number, {"data": [...], "total": n}.

A Column says where a value of a record is sent, and which column a table made
from it would have; the CSV dump is written from the same rows, never through
JSON.  Lists inside records come when `includes` asks for them.
"""

import json
import re
import urllib.parse
from dataclasses import dataclass

from . import paperwork
from .httpd import Response

CONTENT_TYPE = "application/json; charset=utf-8"
MOST = 1000                             # records a page


@dataclass(frozen=True)
class Column:
    """path: where in the record; get: from a record of the account; the parts
    in PARTS come when `includes` names them."""
    name: str
    path: str
    kind: str                           # text, uuid, number, int, bool, day, stamp, clock
    get: object


@dataclass(frozen=True)
class Inner:
    """A list inside a record, sent when `includes` names it, or, with an empty
    name, always."""
    include: str
    path: str
    rows: object                        # from world and record to records
    columns: tuple


@dataclass(frozen=True)
class Noun:
    """One list: its path, the wrapper older servers used, its records."""
    path: str
    rows: object                        # from the world to records
    columns: tuple
    inner: tuple = ()
    matches: tuple = ()                 # (parameter, function of record)
    has_get: bool = True
    archived: object = None             # function of record: in the archived list
    sortable: bool = False              # takes sort and order
    day: object = None                  # function of record: what startDate and endDate test
    single: bool = False                # not a list but one record


def C(name, path=None, kind="text", get=None):
    path = path or re.sub("_([a-z])", lambda m: m.group(1).upper(), name)
    return Column(name, path, kind, get or (lambda r, a=name: r[a]))


def of(name, path, kind, *attrs):
    """A value reached through other records, NULL where one is missing."""
    def get(record):
        for attr in attrs:
            if record is None:
                return None
            record = record[attr]
        return record
    return Column(name, path, kind, get)


def first_word(record):
    return record["name"].split(" ")[0]


def other_words(record):
    return " ".join(record["name"].split(" ")[1:])


def table(name):
    return lambda world: world.tables[name]


CONTACT = (
    C("uuid", kind="uuid"), C("first_name", get=first_word), C("last_name", get=other_words),
    C("mobile"), C("email"), C("phone"), C("position"), C("salutation"), C("addressee"),
    C("is_primary", "primary", "bool"),
)
SUPPLIER_CONTACT = CONTACT[:7]
NOTE = (C("title"), C("text", "description"), C("date", kind="stamp"))
VALUE = (
    C("field_uuid", "uuid", "uuid", lambda r: r["uuid"]), C("name"),
    C("value", "value", "any", lambda r: next(
        (r[a] for a in ("text", "decimal", "number", "boolean", "date") if r[a] is not None),
        None)),
)


def values_of(use):
    return lambda world, record: paperwork.custom_values(world, use, record)


def rows_of(attr):
    return lambda world, record: record[attr] or ()


# The beginning of a path, and the name that includes it.
PARTS = {"contactDetails": "contact-details", "billingDetails": "billing-details"}

NOUNS = {
    "client": Noun("clients", table("client"), (
        C("uuid", kind="uuid"), C("name"), C("first_name"), C("last_name"), C("other_name"),
        C("email", "contactDetails/email"), C("phone", "contactDetails/phone"),
        C("fax", "contactDetails/fax"), C("website", "contactDetails/website"),
        C("export_code"), C("referral_source"), C("is_prospect", "prospect", "bool"),
        C("is_archived", "archived", "bool"),
        of("account_manager_uuid", "clientManager/uuid", "uuid", "account_manager", "uuid"),
        of("account_manager_name", "clientManager/name", "text", "account_manager", "name"),
        of("type_cost_markup", "billingDetails/markup", "number", "type", "cost_markup"),
        C("updated_at", kind="utc", get=lambda r: r["modified"]),
    ), (
        Inner("addresses", "addresses", lambda world, r: (r, ), (
            C("address"), C("city"), C("region", "state"), C("post_code", "postalCode"),
            C("country"))),
        Inner("contacts", "contacts", rows_of("contacts"), CONTACT),
        Inner("notes", "notes", rows_of("notes"), NOTE),
        Inner("client-groups", "clientGroups", rows_of("groups"), (
            C("client_group_uuid", "uuid", "uuid", lambda r: r["uuid"]),
            C("client_group_name", "name", "text", lambda r: r["name"]))),
        Inner("custom-fields", "customFields", values_of("client"), VALUE),
    ), archived=lambda r: r["is_archived"]),
    "job": Noun("jobs", table("job"), (
        C("uuid", kind="uuid"), C("id"), C("name"), C("description"),
        of("client_uuid", "clientUUID", "uuid", "client", "uuid"),
        of("client_name", "clientName", "text", "client", "name"),
        C("state"), C("start_date", kind="day"), C("due_date", kind="day"),
        C("completed_date", kind="day"),
        of("manager_uuid", "leadStaffUUID", "uuid", "manager", "uuid"),
        C("created_at", kind="utc", get=lambda r: r["created"]),
        C("updated_at", kind="utc", get=lambda r: r["modified"]),
    ), (
        Inner("tasks", "tasks", rows_of("tasks"), (
            C("uuid", kind="uuid"), C("task_uuid", "taskUUID", "uuid"), C("name"),
            C("description"), C("estimated_minutes", kind="int"), C("completed", kind="bool"),
            C("billable", kind="bool"))),
        Inner("staff", "staff", rows_of("assigned"), (
            of("staff_uuid", "staffUUID", "uuid", "staff", "uuid"),
            Column("staff_first_name", "firstName", "text", lambda r: first_word(r["staff"])),
            Column("staff_last_name", "lastName", "text", lambda r: other_words(r["staff"])))),
        Inner("costs", "costs", rows_of("costs"), (
            C("uuid", kind="uuid"), C("date", kind="day"), C("description"), C("note"),
            C("quantity", kind="number"), C("unit_cost", kind="number"),
            C("unit_price", kind="number"),
            of("supplier_uuid", "supplierUuid", "uuid", "supplier", "uuid"))),
        Inner("notes", "notes", rows_of("notes"), (C("uuid", kind="uuid"),) + NOTE),
        Inner("custom-fields", "customFields", values_of("job"), VALUE),
    ), (("clientuuid", lambda r: r["client"]["uuid"]),), sortable=True),
    "time_entry": Noun("timesheets", table("time"), (
        C("uuid", kind="uuid"), of("job_uuid", "job/uuid", "uuid", "job", "uuid"),
        of("job_id", "job/jobNumber", "text", "job", "id"),
        of("job_name", "job/name", "text", "job", "name"),
        of("job_task_uuid", "jobTask/uuid", "uuid", "task", "uuid"),
        of("job_task_name", "jobTask/name", "text", "task", "name"),
        of("staff_uuid", "staff/uuid", "uuid", "staff", "uuid"),
        C("date", kind="day"), C("minutes", kind="int"), C("note"), C("billable", kind="bool"),
        C("start_time", kind="clock", get=lambda r: r["start"]),
        C("end_time", kind="clock", get=lambda r: r["end"]),
    ), (), (("staffuuid", lambda r: r["staff"]["uuid"]),
            ("jobuuid", lambda r: r["job"]["uuid"])), day=lambda r: r["date"]),
    "staff": Noun("staff", table("staff"), (
        C("uuid", kind="uuid"), C("first_name", get=first_word),
        C("last_name", get=other_words), C("email"), C("phone"), C("mobile"))),
    "task": Noun("tasks", table("task"), (
        C("uuid", kind="uuid"), C("name"), C("description"))),
    "lead": Noun("leads", table("lead"), (
        C("uuid", kind="uuid"), C("name"), C("description"), C("status", get=lambda r: r["state"]),
        C("estimated_value", kind="number"),
        of("client_uuid", "clientUUID", "uuid", "client", "uuid"),
        of("owner_uuid", "assignedStaffUUID", "uuid", "owner", "uuid"),
        C("date_won_lost", "closedDate", "day"))),
    "quote": Noun("quotes", table("quote"), (
        C("uuid", kind="uuid"), C("job_uuid", "jobUUID", "uuid"), C("name", "title"),
        C("status", get=lambda r: r["state"]), C("amount", "total", "number"))),
    "invoice": Noun("invoices", table("invoice"), (
        C("uuid", kind="uuid"), C("id", "invoiceNumber"),
        of("client_uuid", "clientUUID", "uuid", "client", "uuid"), C("status"),
        C("amount", "amountExTax", "number"),
        C("amount_including_tax", "amountIncTax", "number"), C("due_date", kind="day"),
    ), (), (("clientuuid", lambda r: r["client"]["uuid"]),)),
    "supplier": Noun("suppliers", table("supplier"), (
        C("uuid", kind="uuid"), C("name"), C("phone"), C("website"), C("address")), (
        Inner("", "contacts", rows_of("contacts"), SUPPLIER_CONTACT),)),
    "purchase_order": Noun("purchase-orders", table("purchase_order"), (
        C("uuid", kind="uuid"), of("job_uuid", "jobUUID", "uuid", "job", "uuid"),
        of("supplier_uuid", "supplierUUID", "uuid", "supplier", "uuid"),
        C("state", "status"), C("amount", "total", "number"))),
    "client_group": Noun("client-groups", table("client_group"), (
        C("uuid", kind="uuid"), C("name"), C("taxable", kind="bool")), has_get=False),
    "custom_field": Noun("custom-fields", table("custom_field"), (
        C("uuid", kind="uuid"), C("name")), has_get=False),
    # whoever consented: the first member of the staff
    "me": Noun("me", lambda world: world.tables["staff"][:1], (
        C("uuid", kind="uuid"), C("first_name", get=first_word),
        C("last_name", get=other_words), C("email")), has_get=False, single=True),
}
# Nothing in the account is of these kinds.
for _name, _path in (("account", "accounts"), ("role", "roles"), ("tax", "taxes"),
                     ("bill", "purchase-orders/bills"), ("invoice_payment", "payments"),
                     ("capacity_plan", "capacity-plan")):
    NOUNS[_name] = Noun(_path, lambda world: (), (C("uuid", kind="uuid"),), has_get=False)

# Tables of the lists inside records: (noun, include, columns of the owner).
INNER = {
    "client_address": ("client", "addresses"), "client_contact": ("client", "contacts"),
    "client_note": ("client", "notes"), "client_group_member": ("client", "client-groups"),
    "client_custom_field": ("client", "custom-fields"), "job_task": ("job", "tasks"),
    "job_assignee": ("job", "staff"), "job_cost": ("job", "costs"), "job_note": ("job", "notes"),
    "job_custom_field": ("job", "custom-fields"),
    "client_relationship": ("client", "client-relationships"),
    "client_document": ("client", "documents"), "job_document": ("job", "documents"),
    "client_rate": ("client", "customRates"), "client_tax_number": ("client", "taxNumbers"),
    "quote_note": ("quote", "notes"), "invoice_note": ("invoice", "notes"),
    "invoice_cost": ("invoice", "costs"), "supplier_contact": ("supplier", ""),
}
UNORDERED = {"client_group_member", "client_custom_field", "job_custom_field"}


# -- JSON -------------------------------------------------------------------

def _value(column, value):
    if value is None:
        return None
    if column.kind in ("number", "int", "bool"):
        return value
    if column.kind == "any":
        return value if isinstance(value, (bool, int)) else str(value)
    if column.kind == "clock":
        return "%02d:%02d" % divmod(value, 60)
    if column.kind == "utc":
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if column.kind == "stamp":
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    if column.kind == "day":
        return value.strftime("%Y-%m-%d")
    return str(value)


def _object(columns, record):
    out = {}
    for column in columns:
        into = out
        *above, last = column.path.split("/")
        for name in above:
            into = into.setdefault(name, {})
        into[last] = _value(column, column.get(record))
    return out


class Exact(float):
    """An amount as JSON writes it: with the digits it has."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self):
        return self.text


def _exact(column):
    """The column with amounts as numbers."""
    if column.kind != "number":
        return column

    def get(record):
        value = column.get(record)
        return None if value is None else Exact(str(value))
    return Column(column.name, column.path, column.kind, get)


def _record(world, noun, record, includes):
    out = _object([_exact(c) for c in noun.columns
                   if PARTS.get(c.path.split("/")[0]) in includes | {None}], record)
    for inner in noun.inner:
        if not inner.include or inner.include in includes:
            out[inner.path] = [_object([_exact(c) for c in inner.columns], row)
                               for row in inner.rows(world, record)]
    return out


def _json(status, value):
    return Response(status, json.dumps(value, ensure_ascii=False).encode("utf-8"),
                    content_type=CONTENT_TYPE)


def answer(world, request, rest):
    """The response to a request that passed every gate before."""
    if request.method != "GET":
        return Response(405, b"", [("allow", "GET")])
    params = {name.lower(): value for name, value in request.params()}
    path = rest.strip("/")
    for noun in NOUNS.values():
        if path == noun.path and noun.single:
            return _json(200, _record(world, noun, noun.rows(world)[0], _includes(params)))
        if path == noun.path:
            return _list(world, noun, params)
    for noun in NOUNS.values():
        if noun.has_get and path.startswith(noun.path + "/"):
            return _get(world, noun, urllib.parse.unquote(path[len(noun.path) + 1:]), params)
    return _json(404, {"title": "Not Found"})


def _includes(params):
    return {part.strip() for part in params.get("includes", "").split(",")}


def _get(world, noun, key, params):
    for record in noun.rows(world):
        if key.lower() == record["uuid"] or (noun.path == "jobs" and key == record["id"]):
            return _json(200, _record(world, noun, record, _includes(params)))
    return _json(404, {"title": "Not Found"})


def _list(world, noun, params):
    try:
        page, size = int(params.get("page", 1)), int(params.get("pagesize", 50))
    except ValueError:
        return _json(400, {"title": "page and pageSize must be numbers"})
    if page < 1 or not 1 <= size <= MOST:
        return _json(400, {"title": "pageSize must be between 1 and %d" % MOST})
    records = list(noun.rows(world))
    if noun.archived is not None:
        wanted = params.get("status", "active") == "archived"
        records = [r for r in records if bool(noun.archived(r)) == wanted]
    for name, get in noun.matches:
        if name in params:
            records = [r for r in records if get(r) == params[name].lower()]
    if noun.day is not None:
        for name, wrong in (("startdate", lambda day, end: day < end),
                            ("enddate", lambda day, end: day > end)):
            end = params.get(name)
            if end and not re.fullmatch(r"\d{4}-\d\d-\d\d", end):
                return _json(400, {"title": "%s must be YYYY-MM-DD" % name})
            if end:
                records = [r for r in records if not wrong(noun.day(r).isoformat()[:10], end)]
    since = params.get("updatedsince")
    if since:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", since):
            return _json(400, {"title": "updatedSince must be YYYY-MM-DD"})
        records = [r for r in records
                   if "modified" not in r or r["modified"].strftime("%Y-%m-%d") >= since]
    if noun.sortable and "sort" in params:
        attr = {"created": "created", "updated": "modified"}.get(params["sort"])
        if attr is None or params.get("order", "asc") not in ("asc", "desc"):
            return _json(400, {"title": "sort is created or updated, order asc or desc"})
        records.sort(key=lambda r: r[attr], reverse=params.get("order") == "desc")
    part = records[(page - 1) * size:page * size]
    return _json(200, {"data": [_record(world, noun, r, _includes(params)) for r in part],
                       "total": len(records)})


# -- CSV --------------------------------------------------------------------

def csv_tables():
    return sorted(set(NOUNS) | set(INNER))


def csv_table(world, name, writers):
    """A table as text; writers turn values of a kind into cells."""
    def cell(column, record):
        value = column.get(record)
        if column.kind == "any":
            text = _value(column, value)
            text = {True: "true", False: "false"}.get(text, text) \
                if isinstance(text, bool) else text
            return writers["text"](None if text is None else str(text))
        return writers[{"number": "dec2"}.get(column.kind, column.kind)](value)

    if name in NOUNS:
        noun = NOUNS[name]
        lines = [",".join(c.name for c in noun.columns)]
        lines += [",".join(cell(c, r) for c in noun.columns) for r in noun.rows(world)]
        return "\n".join(lines) + "\n"
    owner, include = INNER[name]
    noun = NOUNS[owner]
    inner = next((i for i in noun.inner if i.include == include), None)
    if inner is None:                   # nothing in the account
        return owner + "_uuid\n"
    front = [owner + "_uuid"] + ([] if name in UNORDERED else ["ordinal"])
    lines = [",".join(front + [c.name for c in inner.columns])]
    for record in noun.rows(world):
        for number, row in enumerate(inner.rows(world, record), 1):
            cells = [record["uuid"]] + ([] if name in UNORDERED else [str(number)])
            lines.append(",".join(cells + [cell(c, row) for c in inner.columns]))
    return "\n".join(lines) + "\n"
