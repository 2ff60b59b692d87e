"""The part of the generated practice that hangs on clients, jobs and time:
groups, relationships, invoices, quotes, costs, documents, custom fields.

Each function adds its tables to a World and draws from a random source of its
own, so that more of one does not change another.
"""

import datetime
import random

from . import words
from .money import amount, quantity

DAY = datetime.timedelta(days=1)

GROUPS = ("Bloggs Family", "Müller & Söhne Group", "A–Z Holdings", "Bloggs Family",
          "Trusts <old>", "Empty group")
PARTNERSHIP, SHARES = "Partner", ("Shareholder", "Owner")
RELATIONSHIPS = ("Director", "Shareholder", "Trustee", "Partner", "Spouse", "Owner",
                 "Public Officer", "Parent Of")
SUPPLIERS = ("Widget Incorporated", "Paper & Ink", "Drück Nord", "Widget Incorporated")

CUSTOM_FIELDS = (
    # name, type, value element, options, used for
    ("Industry code", "Text", "Text", "", ("client",)),
    ("Risk & rating", "Dropdown List", "Text", "Low\nMedium\nHigh", ("client", "job")),
    ("Credit limit", "Decimal", "Decimal", "", ("client",)),
    ("Review date", "Date", "Date", "", ("client", "job")),
    ("Headcount", "Number", "Number", "", ("client", "contact")),
    ("VIP", "Checkbox", "Boolean", "", ("client", "contact", "job")),
    ("Dossier", "Value Link", "Text", "", ("job",)),
    ("Überstunden", "Decimal", "Decimal", "", ("job_task", "time")),
    ("Receipt no.", "Text", "Text", "", ("job_cost",)),
    ("Terms", "Text", "Text", "", ("supplier",)),
    ("Budget known", "Checkbox", "Boolean", "", ("lead", "quote")),
)
USES = ("client", "contact", "supplier", "job", "lead", "job_task", "job_cost", "time",
        "quote")


def make(world, costs):
    """All of it, in the order in which one part needs another."""
    for number, client in enumerate(world.tables["client"]):
        client["auto_bas"] = {"annually": "Opted in", "monthly": "", "quarterly": "",
                              "opt_out": ""} if number % 7 == 3 else None
    make_groups(world)
    make_relationships(world)
    make_suppliers(world)
    make_costs(world, costs)
    make_job_costs(world)
    make_documents(world)
    make_custom_fields(world)
    make_quotes(world)
    make_invoices(world)
    make_supplier_details(world)
    make_leads(world)
    make_purchase_orders(world)


def make_groups(world):
    source = world.random("groups")
    rows = []
    for number, name in enumerate(GROUPS):
        rows.append({"uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(20000),
                     "name": name, "taxable": source.random() < 0.5, "serial": 900 + number,
                     "clients": []})
    for client in world.tables["client"]:
        if source.random() < 0.15:
            for group in source.sample(rows[:-1], source.choice((1, 1, 2))):
                client["groups"].append(group)
                group["clients"].append(client)
    world.tables["client_group"] = rows


def make_relationships(world):
    source = world.random("relationships")
    clients = world.tables["client"]
    for client in clients:
        for _ in range(source.choice((0, 0, 0, 0, 1, 2))):
            kind = source.choice(RELATIONSHIPS)
            started = world.first_day + DAY * source.randrange(1000)
            client["relationships"].append({
                "uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(30000),
                "type": kind, "related_client": source.choice(clients),
                "number_of_shares": source.randrange(1, 1000) if kind in SHARES else None,
                "percentage": amount(source.randrange(1, 10000))
                if kind == PARTNERSHIP else None,
                "start_date": started,
                "end_date": started + DAY * 400 if source.random() < 0.2 else None,
            })


def make_suppliers(world):
    source = world.random("suppliers")
    world.tables["supplier"] = [
        {"uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(40000), "name": name}
        for name in SUPPLIERS]


def make_costs(world, count):
    source = world.random("costs")
    rows = []
    for number in range(count):
        cost = source.randrange(0, 100000)
        rows.append({
            "uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(50000),
            "description": source.choice(("Widget", "Courier & freight", "Printing", "Größe L",
                                          "Filing <fee>")),
            "code": "C%04d" % number if source.random() < 0.7 else "",
            "note": source.choice(("", "", "per unit", "line one\nline two")),
            "unit_cost": amount(cost), "unit_price": amount(cost * 13 // 10),
            "supplier": source.choice(world.tables["supplier"])
            if source.random() < 0.4 else None,
            "income_account": source.choice(("", "200")),
            "cost_of_sale_account": source.choice(("", "310")),
        })
    world.tables["cost"] = rows


def make_job_costs(world):
    source = world.random("job costs")
    for job in world.tables["job"]:
        job["costs"] = []
        for _ in range(source.choice((0, 0, 0, 1, 3))):
            cost = source.randrange(-5000, 100000)
            job["costs"].append({
                "uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(60000),
                "date": job["start_date"] + DAY * source.randrange(60),
                "description": source.choice(("Widget", "Parking & tolls", "Druck")),
                "code": source.choice(("", "WIDGET")),
                "note": source.choice(("", "a note about the widget")),
                "quantity": quantity(source), "unit_cost": amount(cost),
                "unit_price": amount(cost * 2), "billable": source.random() < 0.8,
                "supplier": source.choice(world.tables["supplier"])
                if source.random() < 0.3 else None,
            })


def make_documents(world):
    source = world.random("documents")
    for table, choices in (("client", (0, 0, 1, 2)), ("job", (0, 0, 0, 1))):
        for record in world.tables[table]:
            record["documents"] = []
            for number in range(source.choice(choices)):
                record["documents"].append({
                    "title": source.choice(words.NOTE_LINES), "text": "",
                    "folder": source.choice(words.FOLDERS),
                    "date": world.first_day + DAY * source.randrange(1400),
                    "created_by": source.choice(world.tables["staff"])["name"],
                    "file_name": "scan %d.pdf" % number,
                    "url": "https://my.workflowmax.com/document?id=%d&v=%d"
                           % (source.randrange(10 ** 6), number),
                })


def make_custom_fields(world):
    source = world.random("custom fields")
    rows = []
    for name, kind, element, choices, uses in CUSTOM_FIELDS:
        row = {"uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(70000),
               "name": name, "type": kind, "value_element": element, "options": choices,
               "link_url": "https://example.com/?q=[value]" if kind == "Value Link" else ""}
        for use in USES:
            row["use_" + use] = use in uses
        row["mandatory"] = element == "Number"
        rows.append(row)
    world.tables["custom_field"] = rows


def custom_values(world, use, record):
    """The custom field values of a record: the same whenever asked."""
    rows = []
    for definition in world.tables["custom_field"]:
        if not definition["use_" + use]:
            continue
        source = random.Random("%s/%s" % (record["uuid"], definition["uuid"]))
        if source.random() < 0.4:
            continue
        row = {"uuid": definition["uuid"], "legacy_id": definition["legacy_id"],
               "name": definition["name"], "text": None, "decimal": None, "number": None,
               "boolean": None, "date": None}
        element = definition["value_element"]
        if element == "Text":
            choices = definition["options"].split("\n") if definition["options"] else \
                ["X-%d" % source.randrange(100), "a & b", "größer"]
            row["text"] = source.choice(choices)
        elif element == "Decimal":
            row["decimal"] = amount(source.randrange(-10000, 10 ** 8))
        elif element == "Number":
            row["number"] = source.randrange(500)
        elif element == "Boolean":
            row["boolean"] = True           # an unticked box has no value
        else:
            row["date"] = world.first_day + DAY * source.randrange(1400)
        rows.append(row)
    return rows


def make_quotes(world):
    source = world.random("quotes")
    rows = []
    for number, job in enumerate(world.tables["job"]):
        if source.random() >= 0.15:
            continue
        client = job["client"]
        day = min(job["start_date"], world.today)
        quote = {
            "id": "Q%06d" % number, "uuid": world.new_uuid(source),
            "legacy_id": world.new_legacy_id(80000),
            "type": source.choice(("Quote", "Estimate")),
            "state": source.choice(("Draft", "Issued", "Issued", "Accepted", "Accepted",
                                    "Declined", "Archived")),
            "name": job["name"], "description": job["description"],
            "budget": source.choice((None, "5000.00")),
            "option_explanation": source.choice(("", "Pick one & tell us")),
            "lead_uuid": None, "job_uuid": job["uuid"],
            "date": day, "valid_date": day + DAY * 30,
            "client": client,
            "contact": client["contacts"][0] if client["contacts"] else None,
            "tasks": [], "costs": [], "options": [],
        }
        total = 0
        for task in job["tasks"]:
            line = _work_line(source, task)
            line["estimated_minutes"] = line.pop("minutes")
            quote["tasks"].append(line)
            total += line["cents"]
        cost_total = 0
        for _ in range(source.choice((0, 1, 2))):
            line = _cost_line(source)
            quote["costs"].append(line)
            total += line["cents"]
            cost_total += line["cents"] // 2
        for _ in range(source.choice((0, 0, 1))):
            quote["options"].append(_cost_line(source))
        _totals(quote, total)
        quote["estimated_cost"], quote["estimated_cost_tax"] = (
            amount(cost_total), amount(cost_total // 8))
        quote["estimated_cost_including_tax"] = amount(cost_total + cost_total // 8)
        if quote["state"] == "Accepted":
            job["approved_quote_id"] = quote["id"]
            job["approved_quote_uuid"] = quote["uuid"]
        rows.append(quote)
    rows.sort(key=lambda quote: quote["date"])
    world.tables["quote"] = rows


def make_invoices(world):
    """Invoices of the jobs with time, and some that belong to no job.

    Time entries that are invoiced name the line of the invoice.
    """
    source = world.random("invoices")
    by_job = {}
    for entry in world.tables["time"]:
        by_job.setdefault(id(entry["job"]), []).append(entry)
    rows = []
    for job in world.tables["job"]:
        entries = by_job.get(id(job), [])
        for part in _parts(source, entries):
            rows.append(_job_invoice(world, source, job, part))
        if source.random() < 0.01:
            rows.append(_miscellaneous(world, source, job["client"], job["start_date"]))
    rows.sort(key=lambda invoice: invoice["date"])
    for number, invoice in enumerate(rows):
        invoice["id"] = "INV-%04d" % (number + 1)
    for invoice, number in zip(rows[3::97], ("INV 12/A", "I000123", "R&D-1", "inv-0009")):
        invoice["id"] = number
    world.tables["invoice"] = rows


def _parts(source, entries):
    """The entries of a job in the portions in which they were invoiced."""
    if not entries or source.random() < 0.2:
        return []
    size = source.choice((8, 20, 60))
    parts = [entries[start:start + size] for start in range(0, len(entries), size)]
    return parts[:-1] if len(parts) > 1 and source.random() < 0.5 else parts


def _invoice(world, source, client, day):
    status = source.choices(("Approved", "Paid", "Draft", "Cancelled"), (5, 8, 1, 1))[0]
    return {
        "id": None, "uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(90000),
        "type": source.choice(("Progress Invoice", "Final Invoice")), "status": status,
        "archived": status in ("Paid", "Cancelled") and source.random() < 0.7,
        "description": source.choice(words.PARAGRAPHS).strip(),
        "date": day, "due_date": day + DAY * 20, "client": client,
        "contact": client["contacts"][0]
        if client["contacts"] and source.random() < 0.7 else None,
        "jobs": None, "tasks": None, "costs": None, "payments": [],
    }


def _job_invoice(world, source, job, entries):
    day = entries[-1]["date"] + DAY * source.randrange(30)
    invoice = _invoice(world, source, job["client"], min(day, world.today))
    invoice["job_text"] = job["id"]
    lines = {}
    for entry in entries:
        task = entry["task"]
        line = lines.get(id(task))
        if line is None:
            line = lines[id(task)] = _work_line(source, task)
            line["uuid"] = world.new_uuid(source)
            line["legacy_id"] = world.new_legacy_id(95000)
        entry["invoice_task_uuid"] = line["uuid"]
    costs = [_cost_line(source) for _ in range(source.choice((0, 0, 1, 2)))]
    invoice["jobs"] = [{
        "id": job["id"], "name": job["name"], "description": job["description"],
        "client_order_number": job["client_order_number"],
        "tasks": list(lines.values()), "costs": costs,
    }]
    _totals(invoice, sum(line["cents"] for line in list(lines.values()) + costs))
    _pay(source, invoice)
    return invoice


def _miscellaneous(world, source, client, day):
    invoice = _invoice(world, source, client, min(day, world.today))
    invoice["type"] = "Miscellaneous"
    invoice["job_text"] = ""
    invoice["tasks"] = []
    invoice["costs"] = [_cost_line(source)]
    _totals(invoice, invoice["costs"][0]["cents"])
    _pay(source, invoice)
    return invoice


def _pay(source, invoice):
    cents = round(float(invoice["amount_including_tax"]) * 100)
    paid = cents if invoice["status"] == "Paid" else 0
    if invoice["status"] == "Approved" and source.random() < 0.2:
        paid = cents // 3
    invoice["amount_paid"] = amount(paid)
    invoice["amount_outstanding"] = amount(cents - paid)
    if paid:
        invoice["payments"].append({"date": invoice["due_date"], "amount": amount(paid),
                                    "reference": source.choice(("", "ABC-1234", "EFT & co"))})


def _totals(document, cents):
    tax = cents // 8
    document["amount"] = amount(cents)
    document["amount_tax"] = amount(tax)
    document["amount_including_tax"] = amount(cents + tax)


def _work_line(source, task):
    minutes = source.choice((30, 60, 90, 240))
    rate = source.choice((9000, 12000, 15000, None))
    cents = 0 if rate is None else rate * minutes // 60
    line = {"name": task["name"], "description": task["description"], "minutes": minutes,
            "billable_rate": None if rate is None else amount(rate),
            "billable": source.random() < 0.9, "cents": cents}
    _totals(line, cents)
    return line


def _cost_line(source):
    price = source.randrange(100, 50000)
    count = source.choice((1, 1, 2, -1))
    line = {"description": source.choice(("Widget", "Printing & binding", "Größe L")),
            "note": source.choice(("", "as agreed")), "code": source.choice(("", "PRINT")),
            "billable": source.random() < 0.9, "quantity": amount(count * 100),
            "unit_cost": amount(price // 2), "unit_price": amount(price),
            "cents": price * count}
    _totals(line, price * count)
    return line


def make_supplier_details(world):
    """Addresses, contacts and notes of the suppliers."""
    source = world.random("supplier details")
    for number, supplier in enumerate(world.tables["supplier"]):
        client = source.choice(world.tables["client"])
        for attr in ("address", "city", "region", "post_code", "country", "postal_address",
                     "postal_city", "postal_region", "postal_post_code", "postal_country",
                     "phone", "fax", "website"):
            supplier[attr] = client[attr]
        supplier["contacts"] = [
            {"uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(41000),
             "name": source.choice(("Jo <Bloggs>", "Zoë Müller")),
             "mobile": "", "email": source.choice(("", "jo@example.com")), "phone": "",
             "position": source.choice(("", "Sales & service"))}
            for _ in range(number % 3)]
        supplier["notes"] = [
            {"title": "Terms", "text": source.choice(words.PARAGRAPHS), "folder": "",
             "date": datetime.datetime.combine(world.first_day, datetime.time(13, 5)),
             "created_by": "Jo Bloggs"} for _ in range(number % 2)]


def make_leads(world):
    source = world.random("leads")
    world.tables["lead_category"] = [
        {"uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(42000), "name": name}
        for name in ("Hot", "3 Opportunity", "Cool & new")]
    rows = []
    for number in range(max(4, len(world.tables["client"]) // 2)):
        client = source.choice(world.tables["client"])
        day = world.first_day + DAY * source.randrange(1400)
        state = source.choice(("Current", "Won", "Lost"))
        owner = source.choice(world.tables["staff"])
        rows.append({
            "uuid": world.new_uuid(source), "legacy_id": world.new_legacy_id(43000),
            "name": "Lead %d" % number, "description": source.choice(words.PARAGRAPHS).strip(),
            "state": state, "estimated_value": source.choice(("10000", "250.50")),
            "date": day, "date_won_lost": None if state == "Current" else day + DAY * 20,
            "category": source.choice(world.tables["lead_category"])["name"],
            "client": client, "owner": owner,
            "contact": client["contacts"][0] if client["contacts"] else None,
            "dropbox": "lead%d@example.com" % number,
            "activities": [{"date": day + DAY, "subject": "Phone & confirm",
                            "completed": source.random() < 0.5, "responsible": owner}
                           for _ in range(source.choice((0, 1, 2)))],
            "history": [{"detail": "Created by " + owner["name"],
                         "date": datetime.datetime.combine(day, datetime.time(9, 30, 1)),
                         "staff": owner["name"], "type": "Lead"}],
        })
    world.tables["lead"] = rows


def make_purchase_orders(world):
    source = world.random("purchase orders")
    rows = []
    for number, job in enumerate(world.tables["job"]):
        if source.random() < 0.5:
            continue
        lines = [_cost_line(source) for _ in range(source.choice((1, 1, 3)))]
        order = {
            "id": "P%06d" % number, "uuid": world.new_uuid(source),
            "state": source.choice(("Draft", "Issued", "Issued", "Received")),
            "date": min(job["start_date"], world.today),
            "description": source.choice(("", "Paper & toner")),
            "delivery_address": source.choice(("", "1 Quay St\nAuckland")),
            "supplier": source.choice(world.tables["supplier"]),
            "job": job if source.random() < 0.8 else None, "costs": lines,
        }
        _totals(order, sum(line["cents"] for line in lines))
        rows.append(order)
    rows.sort(key=lambda order: order["date"])
    world.tables["purchase_order"] = rows
