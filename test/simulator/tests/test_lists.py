"""Lists, gets and windows of the data API."""

import csv
import io
import unittest

from harness import SimulatorTest

DIALECTS = ("workflowmax/3.0", "practicemanager/3.1", "practicemanager/3.0")


class Lists(SimulatorTest):

    def rows(self, table, dialect):
        text = self.sim.control("csv/%s?dialect=%s" % (table, dialect))
        return list(csv.DictReader(io.StringIO(text)))

    def test_whole_lists_equal_the_data(self):
        for dialect in DIALECTS:
            key = "legacy_id" if dialect.endswith("manager/3.0") else "uuid"
            tag = "ID" if key == "legacy_id" else "UUID"
            for path, table in (("client.api/list", "client"), ("staff.api/list", "staff"),
                                ("task.api/list", "task"), ("category.api/list", "category"),
                                ("template.api/list", "template")):
                with self.subTest(dialect=dialect, table=table):
                    sent = [r.findtext(tag) for r in self.sim.records(path, dialect)]
                    self.assertEqual(sorted(sent),
                                     sorted(r[key] for r in self.rows(table, dialect)))

    def test_windows_add_up_to_all_time_entries(self):
        for dialect in DIALECTS:
            sent = []
            for year in range(2021, 2028):
                sent += self.sim.records("time.api/list?from=%d0101&to=%d1231"
                                         % (year, year), dialect)
            self.assertEqual(len(sent), 2000)
            self.assertEqual(sum(int(r.findtext("Minutes")) for r in sent),
                             sum(int(r["minutes"]) for r in self.rows("time_entry", dialect)))

    def test_from_and_to_are_required(self):
        for dialect, status in (("practicemanager/3.1", 400), ("workflowmax/3.0", 500)):
            for path in ("time.api/list", "time.api/list?from=20250101", "job.api/list"):
                answer = self.sim.get(path, dialect)
                self.assertEqual(answer.status, status, path)
                self.assertEqual(answer.xml().findtext("Status"), "ERROR")

    def test_windows_of_3_1_are_shorter_than_a_year(self):
        ok = self.sim.get("time.api/list?from=20240301&to=20250228")
        self.assertEqual(ok.status, 200)
        long = self.sim.get("time.api/list?from=20240301&to=20250301")
        self.assertEqual(long.status, 400)
        self.assertIn("less than one year", long.xml().findtext("ErrorDescription"))

    def test_unknown_keys_are_errors_in_a_200(self):
        for path, text in (("client.api/get/00000000-0000-4000-8000-000000000000", "client"),
                           ("job.api/get/J999999", "job"),
                           ("time.api/job/J999999", "job"),
                           ("staff.api/get/x", "staff")):
            answer = self.sim.get(path)
            self.assertEqual(answer.status, 200)
            root = answer.xml()
            self.assertEqual(root.findtext("Status"), "ERROR")
            self.assertEqual(root.findtext("ErrorDescription"), "Invalid %s identifier" % text)


if __name__ == "__main__":
    unittest.main()
