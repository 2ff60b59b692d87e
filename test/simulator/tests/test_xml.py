"""The XML of the answers, dialect by dialect, and the quirks of the data."""

import csv
import gzip
import io
import time
import unittest
import urllib.parse
import xml.etree.ElementTree as ET

from harness import Simulator, SimulatorTest

ALL = ("workflowmax/3.0", "practicemanager/3.1", "practicemanager/3.0")


def tags(records):
    return {child.tag for record in records for child in record}


class Form(SimulatorTest):

    def test_one_line_no_declaration_and_api_method(self):
        for path, method in (("client.api/list", "List"), ("job.api/current", "Current"),
                             ("client.api/search?query=a", "Search"),
                             ("job.api/get/J000010", "Get")):
            body = self.sim.get(path).body
            self.assertTrue(body.startswith(
                b'<Response api-method="%s"><Status>OK</Status><' % method.encode()), path)
            self.assertTrue(body.endswith(b"</Response>"))
            self.assertNotRegex(body, rb">\s*\n\s*<")

    def test_empty_values_and_empty_lists(self):
        body = self.sim.get("client.api/list").body
        self.assertIn(b"<Fax></Fax>", body)
        self.assertIn(b"<Contacts />", body)
        self.assertNotIn(b"<Fax/>", body)
        empty = self.sim.get("time.api/list?from=19990101&to=19990102").body
        self.assertEqual(empty, b'<Response api-method="List"><Status>OK</Status><Times />'
                                b'</Response>')

    def test_optional_elements_are_left_out(self):
        clients = self.sim.records("client.api/list")
        some = [c.find("Email") is not None for c in clients]
        self.assertTrue(any(some) and not all(some))
        jobs = self.sim.records("job.api/list?from=20250101&to=20251231")
        for tag in ("Budget", "Type", "CompletedDate", "Contact", "Manager", "Partner"):
            some = [j.find(tag) is not None for j in jobs]
            self.assertTrue(any(some) and not all(some), tag)
            self.assertFalse(any(j.find(tag) is not None and not len(j.find(tag))
                                 and j.findtext(tag) == "" for j in jobs), tag)
        entries = self.sim.records("time.api/list?from=20250101&to=20251231")
        for tag in ("Start", "End", "InvoiceTaskUUID"):
            some = [e.find(tag) is not None for e in entries]
            self.assertTrue(any(some) and not all(some), tag)

    def test_types(self):
        client = self.sim.records("client.api/list")[0]
        self.assertIn(client.findtext("IsArchived"), ("Yes", "No"))
        entry = self.sim.records("time.api/list?from=20250101&to=20251231")[0]
        self.assertIn(entry.findtext("Billable"), ("true", "false"))
        self.assertRegex(entry.findtext("Date"), r"^\d{4}-\d\d-\d\dT00:00:00$")
        for job in self.sim.records("job.api/list?from=20250101&to=20251231"):
            self.assertRegex(job.findtext("Budget") or "1.00", r"^-?\d+\.\d\d$")
        for entry in self.sim.records("time.api/list?from=20250101&to=20251231"):
            for tag in ("Start", "End"):
                self.assertRegex(entry.findtext(tag) or "10:00", r"^\d\d:\d\d$")

    def test_elements_of_each_dialect(self):
        clients = {d: self.sim.records("client.api/list?detailed=true", d) for d in ALL}
        tax = {"TaxNumber", "GSTRegistered", "PrepareGST", "Groups", "Relationships",
               "JobManager"}
        self.assertFalse(tax & tags(clients["workflowmax/3.0"]))
        self.assertTrue(tax <= tags(clients["practicemanager/3.1"]))
        self.assertIn("IsProspect", tags(clients["workflowmax/3.0"]))
        self.assertNotIn("IsProspect", tags(clients["practicemanager/3.1"]))
        self.assertNotIn("ID", tags(clients["practicemanager/3.1"]))
        self.assertNotIn("WebUrl", tags(clients["practicemanager/3.0"]))
        without = [c for c in clients["practicemanager/3.1"] if c.find("TaxNumber") is None]
        self.assertTrue(0 < len(without) < 60)
        jobs = {d: self.sim.records("job.api/current", d) for d in ALL}
        self.assertIn("DateModifiedUtc", tags(jobs["workflowmax/3.0"]))
        self.assertNotIn("DateModifiedUtc", tags(jobs["practicemanager/3.1"]))
        self.assertNotIn("InternalID", tags(jobs["workflowmax/3.0"]))
        self.assertIn("InternalID", tags(jobs["practicemanager/3.1"]))
        self.assertNotIn("UUID", tags(jobs["practicemanager/3.0"]))
        window = "time.api/list?from=20250101&to=20251231"
        self.assertIn("WebUrl", tags(self.sim.records(window)))
        self.assertNotIn("WebUrl", tags(self.sim.records(window, "workflowmax/3.0")))

    def test_3_0_puts_the_integer_id_first_and_the_uuid_last(self):
        usual = [c for c in self.sim.records("client.api/list", "practicemanager/3.0")
                 if c[0].tag == "ID" and c[-1].tag == "UUID"]
        self.assertGreater(len(usual), 50)
        self.assertTrue(usual[0].findtext("ID").isdigit())
        job = self.sim.get("job.api/get/J000010", "practicemanager/3.0").xml().find("Job")
        self.assertTrue(job.findtext("Client/ID").isdigit())
        self.assertIsNone(job.find("Client/UUID"))

    def test_detailed_adds_to_lists(self):
        for path, added in (("client.api/list", {"Notes", "Groups", "Relationships"}),
                            ("job.api/current", {"Tasks", "Milestones", "Notes"})):
            sep = "&" if "?" in path else "?"
            short = tags(self.sim.records(path))
            full = tags(self.sim.records(path + sep + "detailed=true"))
            self.assertEqual(full - short, added)
            self.assertEqual(tags(self.sim.records(path + sep + "detailed=false")), short)

    def test_the_task_of_a_time_entry_is_the_task_of_its_job(self):
        entry = self.sim.records("time.api/list?from=20250101&to=20251231")[5]
        job = self.sim.get("job.api/get/" + quote(entry.findtext("Job/ID"))).xml()
        if job.findtext("Status") == "OK":
            tasks = {t.findtext("UUID") for t in job.iter("Task")}
            self.assertIn(entry.findtext("Task/UUID"), tasks)
            self.assertNotIn(entry.findtext("Task/UUID"),
                             {t.findtext("TaskUUID") for t in job.iter("Task")})


def quote(text):
    return urllib.parse.quote(text, safe="")


class Variants(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.plain = Simulator("--no-limits")
        cls.addClassCleanup(cls.plain.close)

    def same_meaning(self, *arguments):
        """Answers of a variant parse to the same records as the plain ones."""
        plain, other = self.plain, Simulator("--no-limits", *arguments)
        self.addCleanup(other.close)
        for path in ("client.api/list?detailed=true", "job.api/current?detailed=true",
                     "time.api/list?from=20250101&to=20251231", "client.api/get/x"):
            one, two = plain.get(path), other.get(path)
            self.assertEqual(one.status, two.status)
            self.assertEqual(meaning(one.xml()), meaning(two.xml()), path)
            yield one.body, two.body

    def test_pretty(self):
        for one, two in self.same_meaning("--pretty"):
            self.assertGreater(two.count(b"\n"), one.count(b"\n"))
            self.assertNotRegex(two, rb"<(\w+)></\1>")

    def test_declaration(self):
        for one, two in self.same_meaning("--declaration"):
            self.assertTrue(two.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\r\n<Resp'))

    def test_shuffle(self):
        different = 0
        for one, two in self.same_meaning("--shuffle"):
            different += one != two
        self.assertEqual(different, 3)

    def test_control_changes_the_form(self):
        sim = self.plain
        before = sim.get("staff.api/list").body
        sim.control("switches", {"pretty": True, "declaration": True})
        self.assertNotEqual(sim.get("staff.api/list").body, before)
        sim.control("switches", {"pretty": False, "declaration": False})
        self.assertEqual(sim.get("staff.api/list").body, before)


def meaning(element):
    """An element as a value that does not depend on order or white space."""
    if len(element) == 0:
        return element.tag, (element.text or "").strip()
    return element.tag, sorted(map(meaning, element), key=repr)


class Quirks(unittest.TestCase):
    """The account of the default sizes holds everything that bites."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator("--no-limits", "--today", "2026-03-15", data=[])
        cls.jobs, cls.entries = [], []
        for year in range(2021, 2028):
            window = "from=%d0101&to=%d1231" % (year, year)
            cls.jobs += cls.sim.records("job.api/list?" + window)
            cls.entries += cls.sim.records("time.api/list?" + window)
        cls.clients = cls.sim.records("client.api/list?detailed=true")

    @classmethod
    def tearDownClass(cls):
        cls.sim.close()

    def test_sizes(self):
        self.assertEqual((len(self.clients), len(self.jobs), len(self.entries)),
                         (300, 2000, 50000))

    def test_names_repeat(self):
        for records in (self.clients, self.jobs):
            names = [r.findtext("Name") for r in records]
            self.assertLess(len(set(names)), len(names))

    def test_job_numbers(self):
        numbers = [j.findtext("ID") for j in self.jobs]
        self.assertEqual(len(set(numbers)), len(numbers))
        for wanted in ("INTERNAL", "internal", "J 000 17", "J/2024/05", "JOB#7", "50% off",
                       "R&D", "A+B", "Küche-3", "日本-12", "J000010", "j000010", ".."):
            self.assertIn(wanted, numbers)

    def test_archived_and_deleted_clients(self):
        for tag in ("IsArchived", "IsDeleted"):
            self.assertIn("Yes", {c.findtext(tag) for c in self.clients})

    def test_text(self):
        descriptions = [j.findtext("Description") or "" for j in self.jobs]
        self.assertEqual(max(map(len, descriptions)), 4135)
        everything = "".join(descriptions) + "".join(e.findtext("Note") or ""
                                                     for e in self.entries[:5000])
        for piece in ("&", "<", ">", "\n", "’", "•", "“", "\t", "\\", "会議", "'", '"'):
            self.assertIn(piece, everything + "".join(c.findtext("Name") for c in self.clients)
                          + "".join(c.findtext("ReferralSource") or "" for c in self.clients))

    def test_numbers(self):
        minutes = [int(e.findtext("Minutes")) for e in self.entries]
        self.assertIn(0, minutes)
        self.assertLess(min(minutes), 0)
        self.assertTrue(any((j.findtext("Budget") or "").startswith("-") for j in self.jobs))

    def test_dates_at_the_edges_of_windows(self):
        for records, tag in ((self.entries, "Date"), (self.jobs, "StartDate")):
            days = {r.findtext(tag)[:10] for r in records}
            for day in ("2022-03-15", "2022-12-31", "2023-01-01", "2024-02-29", "2024-03-01",
                        "2025-12-31", "2026-03-15"):
                self.assertIn(day, days, tag)
        self.assertEqual(min(e.findtext("Date") for e in self.entries), "2022-03-15T00:00:00")
        self.assertEqual(max(e.findtext("Date") for e in self.entries), "2026-03-15T00:00:00")

    def test_current_jobs_are_the_open_ones(self):
        current = {j.findtext("ID") for j in self.sim.records("job.api/current")}
        self.assertEqual(current, {j.findtext("ID") for j in self.jobs if j.findtext("State")
                                   not in ("Completed", "Archived", "Cancelled")})
        self.assertTrue(0 < len(current) < 2000)

    def test_some_records_come_in_another_order(self):
        orders = {tuple(c.tag for c in j if c.tag in ("ID", "UUID", "Name", "State"))
                  for j in self.jobs}
        self.assertGreater(len(orders), 5)

    def test_time_is_spread_over_the_history(self):
        for year in (2023, 2024, 2025):
            count = sum(e.findtext("Date").startswith(str(year)) for e in self.entries)
            self.assertTrue(11000 < count < 14000, count)

    def test_the_same_seed_gives_the_same_data(self):
        other = Simulator("--no-limits", "--today", "2026-03-15", "--time", "10", data=[])
        self.addCleanup(other.close)
        path = "client.api/list?detailed=true"
        self.assertEqual(other.get(path).body, self.sim.get(path).body)
        third = Simulator("--no-limits", "--seed", "2", "--time", "10", data=[])
        self.addCleanup(third.close)
        self.assertNotEqual(third.get(path).body, self.sim.get(path).body)

    def test_a_year_of_time_entries_renders_fast(self):
        """Beside packing and parsing the same, on the same machine."""
        path = "time.api/list?from=20240101&to=20241231"
        body = self.sim.get(path).body
        renders, others = [], []
        for _ in range(3):              # other programs may be busy meanwhile
            self.sim.control("switches", {"to": "inclusive"})   # drops the kept answer
            start = time.perf_counter()
            size = len(self.sim.get(path, Accept_Encoding="gzip").body)
            renders.append(time.perf_counter() - start)
            self.assertGreater(size, 500000)
            start = time.perf_counter()
            gzip.compress(body, 1)
            ET.fromstring(body)
            others.append(time.perf_counter() - start)
        self.assertLess(min(renders), 3 * min(others))


class Dirty(unittest.TestCase):

    def test_dirty_data_is_well_formed_and_equal_in_the_dump(self):
        sim = Simulator("--no-limits", "--dirty")
        self.addCleanup(sim.close)
        bodies = [sim.get("job.api/list?from=%d0101&to=%d1231" % (y, y)).body
                  for y in range(2021, 2028)] + [
                      sim.get("client.api/list").body,
                      sim.get("time.api/list?from=20250101&to=20251231").body]
        together = b"".join(bodies)
        for piece in (b"0001-01-01T00:00:00", b"<![CDATA[", b"&#", b"\r\n", b"T13:30:00"):
            self.assertIn(piece, together)
        rows = {r["uuid"]: r for r in csv.DictReader(io.StringIO(
            sim.control("csv/job?dialect=practicemanager/3.1"), newline=""))}
        for year in range(2021, 2028):
            for job in sim.records("job.api/list?from=%d0101&to=%d1231" % (year, year)):
                row = rows[job.findtext("UUID")]
                self.assertEqual(row["description"], job.findtext("Description") or "")
                due = job.findtext("DueDate")[:10]
                self.assertEqual(row["due_date"], "" if due == "0001-01-01" else due)


if __name__ == "__main__":
    unittest.main()
