#!/usr/bin/env python3
"""Compares the vendor's specification of practicemanager/3.1 with the catalogue.

    test/spec_coverage.py SPEC.yaml

Prints TAP: each GET operation must be a request of the catalogue, and each
property of every kind of record that an answer may hold a column, but for those
listed here with their reasons.  What the catalogue has is read from
doc/tables.md, which a unit test keeps true.
"""

import pathlib
import re
import sys

API = "practicemanager/3.1"

# Which table a kind of record becomes.
TABLES = {
    "ClientDetailedDto": "client", "ClientBaseDto": "client", "ClientContactDto": "client_contact",
    "ClientDto": "client", "ClientNoteDto": "client_note", "ClientRelationshipDto": "client_relationship",
    "ClientDocumentDto": "client_document", "ClientGroupDto": "client_group",
    "ClientGroupDetailDto": "client_group", "CostDto": "cost",
    "CustomFieldValueDto": "client_custom_field", "CustomFieldDefinitionDto": "custom_field",
    "InvoiceDto": "invoice", "InvoiceJobDto": "invoice_job", "InvoiceTaskDto": "invoice_job_task",
    "InvoiceCostDto": "invoice_job_cost", "InvoicePaymentDto": "invoice_payment",
    "JobDto": "job", "Job2Dto": "job", "JobTaskDto": "job_task", "JobStaffDto": "job_assignee",
    "JobMilestoneDto": "job_milestone", "JobNoteDto": "job_note",
    "JobNoteCommentDto": "job_note_comment", "JobCostDto": "job_cost",
    "JobDocumentDto": "job_document", "QuoteDto": "quote", "QuoteTaskDto": "quote_task",
    "QuoteCostDto": "quote_cost", "QuoteOptionDto": "quote_option", "StaffDto": "staff",
    "TaskDto": "task", "TemplateDto": "template", "TimeDto": "time_entry",
}

# Parts of a record that become columns of its own table, and references.
INLINE = {
    "NamedEntityDto", "ClientTypeDto", "AutoBasOptInCriteriaDto", "InvoicePartyDto",
    "JobPartyDto", "JobReferenceDto", "JobCostSupplierDto", "QuotePartyDto", "SimpleEntityDto",
}
# What stands around the records.
AROUND = {"PaginationDto", "PaginationLinksDto", "ResponseBaseDto", "ResponseErrorDto"}
# Lists whose elements the specification does not describe: they are tables.
PLAIN_LISTS = {"invoices", "payments"}

# Requests that deliver nothing that others do not.
LEFT_OUT = {
    "client.api/paged-list": "the list has the same clients, and archived ones, in one answer",
    "invoice.api/current": "a part of the list",
    "quote.api/current": "a part of the list",
    "job.api/staff/{}": "short records of current jobs only, so not all jobs of a member",
    "job.api/tasks": "tasks of current jobs only; the list has those of all jobs",
}


def camel(path):
    """A path of the catalogue as JSON names it."""
    def name(part):
        part = re.sub("UUID|GST|URL|ID", lambda m: m.group().capitalize(), part)
        return part[:1].lower() + part[1:]
    return "/".join(name(part) for part in path.split("/"))


def catalogue(page):
    """(requests, {table: paths}) of the API."""
    requests, paths, table = set(), {}, None
    for line in page.splitlines():
        heading = re.match(r"## (\w+)$", line)
        if heading:
            table = heading.group(1)
            on_api = False
        elif "APIs: " in line and table:
            on_api = API in line.split("APIs: ")[1]
            if on_api:
                paths[table] = set()
        elif table and on_api and line.startswith("- `"):
            found = re.match(r"- `([^`]+)`(?: \(([^)]*)\))?", line)
            if found.group(2) is None or API in found.group(2):
                requests.add(found.group(1))
        elif table and on_api and line.startswith("| "):
            cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)][1:-1]
            if len(cells) == 5 and (not cells[3] or API in cells[3]):
                for path in cells[2].split("\\|"):
                    paths[table].add(camel(path))
    return requests, paths


def tree(lines, start, indent):
    """A mapping of the specification: names and scalars, by indentation only."""
    out, i = {}, start
    while i < len(lines):
        line = lines[i]
        if not line.strip():
            i += 1
            continue
        depth = len(line) - len(line.lstrip())
        if depth < indent:
            break
        found = re.match(r"\s*(?:'|\")?([^'\":]+?)(?:'|\")?:\s*(.*)$", line)
        if depth > indent or not found:
            i += 1
            continue
        if found.group(2):
            out[found.group(1)] = found.group(2).strip("'\"")
            i += 1
        else:
            following = next((l for l in lines[i + 1:] if l.strip()), "")
            deeper = len(following) - len(following.lstrip())
            if deeper > indent:
                out[found.group(1)], i = tree(lines, i + 1, deeper)
            else:
                out[found.group(1)] = {}
                i += 1
    return out, i


def references(schema):
    """Every kind of record that a schema names, at whatever depth."""
    for key, value in schema.items():
        if key == "$ref":
            yield value.rsplit("/", 1)[1]
        elif isinstance(value, dict):
            yield from references(value)


def properties_of(schemas, name):
    """The properties of a kind of record, with those of what it extends."""
    out, schema = {}, schemas[name]
    for part in (schema, schema.get("allOf", {})):
        if part is not schema and "$ref" in part:
            out.update(properties_of(schemas, part["$ref"].rsplit("/", 1)[1]))
        out.update(part.get("properties", {}))
    return out


def reachable(schemas, roots):
    """The kinds of records that answers hold."""
    found, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas.get(name, {}))
    return found


def missing(schemas, name, paths):
    """Properties of a kind of record that are no column of its table."""
    for prop, schema in properties_of(schemas, name).items():
        inner = list(references(schema))
        if schema.get("type") == "array":
            # a table of its own, or the names of what belongs together
            if not inner and prop not in PLAIN_LISTS or inner and not TABLES.get(
                    inner[0], inner[0] in INLINE):
                yield prop
            continue
        wanted = [prop] if not inner else [
            "%s/%s" % (prop, p) for p in properties_of(schemas, inner[0])]
        yield from (path for path in wanted if path not in paths[TABLES[name]])


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    # elements of a list become members of the mapping that holds it
    lines = re.sub(r"^(\s*)- (?=[^\s:]+:)", r"\1  ", text, flags=re.M).splitlines()
    page = pathlib.Path(__file__).resolve().parent.parent / "doc" / "tables.md"
    requests, paths = catalogue(page.read_text(encoding="utf-8"))
    spec, _ = tree(lines, 0, 0)
    schemas = spec["components"]["schemas"]
    results, answers = [], set()

    def ok(passed, name, *details):
        results.append(bool(passed))
        print("%sok %d - %s" % ("" if passed else "not ", len(results), name))
        for detail in details:
            print("# " + detail)

    for path, verbs in spec["paths"].items():
        if "get" not in verbs:
            continue
        request = re.sub(r"\{[^}]*\}", "{}", path.replace("/v3.1/", ""))
        reason = LEFT_OUT.get(request)
        ok(request in requests or reason, "GET " + request,
           *(["left out: " + reason] if reason else []))
        answers.update(references(verbs["get"].get("responses", {})))
    operations = len(results)
    ok(operations >= 40, "%d GET operations" % operations)
    ok(len(LEFT_OUT) <= 10, "%d left out, each with a reason" % len(LEFT_OUT))

    properties = 0
    for name in sorted(reachable(schemas, answers)):
        if name in INLINE or name in AROUND or name.endswith("ResponseDto"):
            continue
        ok(name in TABLES, "%s becomes a table" % name)
        if name in TABLES:
            lost = list(missing(schemas, name, paths))
            properties += len(properties_of(schemas, name))
            ok(not lost, "each property of %s is a column of %s" % (name, TABLES[name]), *lost)
    ok(properties >= 250, "%d properties" % properties)
    print("1..%d" % len(results))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
