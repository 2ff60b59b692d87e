"""The CSV dump against the answers: every value of every column.

The answers are read here with code of the test's own, from the names of the
elements, so that a mistake of the dump and one of the XML cannot agree.
"""

import csv
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

from harness import PROGRAM, SMALL, SimulatorTest

ALL = ("workflowmax/3.0", "practicemanager/3.1", "practicemanager/3.0")
WINDOWS = ["from=%d0101&to=%d1231" % (year, year) for year in range(2021, 2028)]


def snake(name):
    for acronym in ("UUID", "GST", "ID", "URL"):
        name = name.replace(acronym, acronym.capitalize())
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


EXCEPTIONS = {"start": "start_time", "end": "end_time"}


def flat(record, dialect):
    """A record's own values: {column: text}."""
    row = {}
    for child in record:
        name = snake(child.tag)
        if child.tag == "ID" and record.tag not in ("Job", "Invoice", "Quote"):
            name = "legacy_id"
        elif child.tag == "InternalUUID":
            name = "uuid"
        if len(child) and child[0].tag not in LIST_ITEMS:
            prefix = "job_task" if (record.tag, name) == ("Time", "task") else name
            for part in child:
                part_name = snake(part.tag)
                if part.tag == "ID" and child.tag != "Job":
                    part_name = "legacy_id"
                row["%s_%s" % (prefix, part_name)] = part.text or ""
        elif not len(child) and (child.tag not in LISTS
                                 or record.tag == "CustomFieldDefinition"):
            row[EXCEPTIONS.get(name, name)] = child.text or ""
    return row


LISTS = {"Contacts", "Notes", "Groups", "Relationships", "Assigned", "Tasks", "Milestones",
         "Costs", "Jobs", "Clients", "Options", "Comments", "Documents"}
LIST_ITEMS = {"Contact", "Note", "Group", "Relationship", "Staff", "Task", "Milestone",
              "Cost", "Job", "Client", "Option", "Comment", "Document"}


def normal(column, text):
    """What a column of a table would hold, written as in the dump."""
    if text in ("Yes", "No"):
        return "true" if text == "Yes" else "false"
    if column in ("start_time", "end_time"):
        return text
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)", text)
    if found and column.endswith("_utc"):
        return "%s %s+00" % found.groups()
    if found and found.group(2) != "00:00:00":
        return "%s %s" % found.groups()
    return found.group(1) if found else text


class Dump(SimulatorTest):

    def rows(self, table, dialect):
        text = self.sim.control("csv/%s?dialect=%s" % (table, dialect))
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def same(self, records, table, dialect):
        rows = self.rows(table, dialect)
        key = "id" if "id" in rows[0] else "uuid" if "uuid" in rows[0] else "legacy_id"
        by_key = {row[key]: row for row in rows}
        self.assertEqual(len(by_key), len(rows))
        self.assertEqual(len(records), len(rows), (table, dialect))
        for record in records:
            sent = flat(record, dialect)
            row = by_key[sent[key]]
            self.assertLessEqual(set(sent), set(row))
            for column, value in row.items():
                self.assertEqual(value, normal(column, sent.get(column, "")),
                                 (table, dialect, column, sent[key]))

    def test_lists(self):
        for dialect in ALL:
            for path, table in (
                    ("client.api/list", "client"), ("job.api/current", "job_current"),
                    ("staff.api/list", "staff"), ("category.api/list", "category"),
                    ("template.api/list", "template"), ("task.api/list", "task"),
                    ("clientgroup.api/list", "client_group"),
                    ("customfield.api/definition", "custom_field"),
                    ("invoice.api/draft", "invoice_draft"),
                    ("quote.api/draft", "quote_draft")):
                with self.subTest(dialect=dialect, table=table):
                    self.same(self.sim.records(path, dialect), table, dialect)

    def test_windows(self):
        for dialect in ALL:
            for path, table in (("job.api/list", "job"), ("time.api/list", "time_entry"),
                                ("invoice.api/list", "invoice"), ("quote.api/list", "quote")):
                with self.subTest(dialect=dialect, table=table):
                    records = []
                    for window in WINDOWS:
                        records += self.sim.records("%s?%s" % (path, window), dialect)
                    self.same(records, table, dialect)

    def test_lists_inside_records(self):
        clients = self.sim.records("client.api/list?detailed=true")
        jobs = []
        for window in WINDOWS:
            jobs += self.sim.records("job.api/list?detailed=true&" + window)
        for table, records, path, key in (
                ("client_contact", clients, "Contacts/Contact", "client_uuid"),
                ("client_note", clients, "Notes/Note", "client_uuid"),
                ("client_relationship", clients, "Relationships/Relationship", "client_uuid"),
                ("job_task", jobs, "Tasks/Task", "job_id"),
                ("job_milestone", jobs, "Milestones/Milestone", "job_id"),
                ("job_note", jobs, "Notes/Note", "job_id"),
                ("job_assignee", jobs, "Assigned/Staff", "job_id")):
            with self.subTest(table=table):
                rows = {(r[key], r["ordinal"]): r for r in
                        self.rows(table, "practicemanager/3.1")}
                count = 0
                for record in records:
                    owner = record.findtext("ID" if key == "job_id" else "UUID")
                    for number, item in enumerate(record.findall(path), 1):
                        count += 1
                        row = rows[owner, str(number)]
                        sent = flat(item, "practicemanager/3.1")
                        if table == "job_assignee":
                            for name in ("uuid", "name"):
                                sent["staff_" + name] = sent.pop(name)
                        for column in set(row) - {key, "ordinal"}:
                            self.assertEqual(row[column], normal(column, sent.get(column, "")),
                                             (table, column))
                self.assertEqual(count, len(rows))
                self.assertGreater(count, 0)

    def test_null_is_empty_without_quotes_and_text_is_quoted(self):
        text = self.sim.control("csv/client?dialect=workflowmax/3.0")
        self.assertNotIn(',"",', text)
        self.assertRegex(text.splitlines()[1], r'^[0-9a-f-]{36},"')

    def test_the_dump_is_what_control_gives(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, PROGRAM, *SMALL, "--dump-csv", folder,
                            "--dump-only"], check=True)
            self.assertEqual(sorted(os.listdir(folder)),
                             sorted(d.replace("/", "-") for d in ALL + ("bluerock/1", "bluerock/2")))
            for dialect in ALL:
                below = os.path.join(folder, dialect.replace("/", "-"))
                for file in os.listdir(below):
                    with open(os.path.join(below, file), encoding="utf-8", newline="") as f:
                        self.assertEqual(f.read(), self.sim.control(
                            "csv/%s?dialect=%s" % (file[:-4], dialect)), file)

    def test_a_table_the_dialect_lacks(self):
        answer = self.sim.call("GET", "/_control/csv/job_state?dialect=workflowmax/3.0")
        self.assertEqual(answer.status, 404)


if __name__ == "__main__":
    unittest.main()
