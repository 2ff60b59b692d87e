#!/usr/bin/env python3
"""Compares the vendor's specification of practicemanager/3.1 with the catalogue.

    test/spec_coverage.py SPEC.yaml

Every GET operation must be a request of the catalogue and every property of an
answer a column, but for those listed here with their reasons.  What the
catalogue has is read from doc/tables.md, which a unit test keeps true.
"""

import pathlib
import re
import sys

API = "practicemanager/3.1"

# Which table a kind of record becomes.
TABLES = {
    "ClientDetailedDto": "client", "ClientBaseDto": "client", "ClientContactDto": "client_contact",
    "ClientNoteDto": "client_note", "ClientRelationshipDto": "client_relationship",
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


def reference(schema):
    return schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None


def missing(schemas, paths):
    for name, table in sorted(TABLES.items()):
        if name not in schemas:
            yield "%s: the specification has no such schema" % name
            continue
        for prop, schema in schemas[name].get("properties", {}).items():
            if schema.get("type") == "array":
                continue                    # a table of its own, or NamedEntityDto
            inner = reference(schema)
            for way in ("allOf", "oneOf", "anyOf"):
                if inner is None and isinstance(schema.get(way), dict):
                    inner = reference(schema[way])
            wanted = [prop] if inner is None else [
                "%s/%s" % (prop, p) for p in schemas[inner].get("properties", {})]
            for path in wanted:
                if path not in paths[table]:
                    yield "%s: %s is no column of %s" % (name, path, table)


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    lines = text.replace("- $ref:", "  $ref:").splitlines()
    page = pathlib.Path(__file__).resolve().parent.parent / "doc" / "tables.md"
    requests, paths = catalogue(page.read_text(encoding="utf-8"))
    spec, _ = tree(lines, 0, 0)
    problems, operations, properties = [], 0, 0
    for path, verbs in spec["paths"].items():
        if "get" not in verbs:
            continue
        operations += 1
        request = re.sub(r"\{[^}]*\}", "{}", path.replace("/v3.1/", ""))
        if request not in requests and request not in LEFT_OUT:
            problems.append("GET %s is no request of the catalogue" % request)
    schemas = spec["components"]["schemas"]
    properties = sum(len(schemas[n].get("properties", {})) for n in TABLES if n in schemas)
    problems += missing(schemas, paths)
    for problem in problems:
        print(problem)
    print("%d GET operations, %d left out with a reason; %d properties; %d problems"
          % (operations, len(LEFT_OUT), properties, len(problems)))
    return 1 if problems or operations < 40 or properties < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
