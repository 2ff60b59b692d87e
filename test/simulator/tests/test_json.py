"""JSON of practicemanager/3.1."""

import json
import re
import unittest

from harness import SimulatorTest

OPT_IN = {"Accept": "application/json", "Xero_Features": "other, practice-strict-content-type"}
WINDOW = "?from=20250101&to=20251231"


def camel(tag):
    name = tag.replace("UUID", "Uuid").replace("GST", "Gst").replace("ID", "Id")
    return name[0].lower() + name[1:]


class Json(SimulatorTest):

    def json(self, path):
        answer = self.sim.get(path, **OPT_IN)
        self.assertTrue(answer.header("content-type").startswith("application/json"))
        return json.loads(answer.body, parse_float=str)

    def test_both_headers_are_needed_and_the_dialect(self):
        for headers in ({"Accept": "application/json"},
                        {"Xero_Features": "practice-strict-content-type"},
                        {"Accept": "text/xml", "Xero_Features": OPT_IN["Xero_Features"]}):
            self.assertTrue(self.sim.get("staff.api/list", **headers).body.startswith(b"<R"))
        for dialect in ("practicemanager/3.0", "workflowmax/3.0"):
            self.assertTrue(self.sim.get("staff.api/list", dialect, **OPT_IN)
                            .body.startswith(b"<R"))

    def test_names_of_the_lists(self):
        for path, name in (("client.api/list", "clients"), ("staff.api/list", "staffList"),
                           ("task.api/list", "taskList"), ("job.api/current", "jobs"),
                           ("time.api/list" + WINDOW, "times"),
                           ("jobstate.api/list", "jobStates"),
                           ("clientgroup.api/list", "groups"),
                           ("customfield.api/definition", "customFieldDefinitions")):
            body = self.json(path)
            self.assertEqual(list(body), ["status", name])
            self.assertEqual(body["status"], "OK")
            self.assertIsInstance(body[name], list)

    def test_types(self):
        client = self.json("client.api/list?detailed=true")["clients"][0]
        self.assertIn(client["isArchived"], ("Yes", "No"))
        self.assertIsInstance(client["contacts"], list)
        entry = self.json("time.api/list" + WINDOW)["times"][0]
        self.assertIsInstance(entry["billable"], bool)
        self.assertIsInstance(entry["minutes"], int)
        self.assertRegex(entry["date"], r"^\d{4}-\d\d-\d\dT00:00:00$")
        jobs = self.json("job.api/current?detailed=true")["jobs"]
        self.assertIsInstance(jobs[0]["internalId"], str)
        budgets = [j["budget"] for j in jobs]
        self.assertIn(None, budgets)
        self.assertTrue(all(re.fullmatch(r"-?\d+\.\d\d", b) for b in budgets if b))
        self.assertIsInstance([j for j in jobs if j["tasks"]][0]["tasks"][0]["completed"], bool)

    def test_json_says_what_xml_says(self):
        for path, element in (("client.api/list?detailed=true", "clients"),
                              ("job.api/list" + WINDOW + "&detailed=true", "jobs"),
                              ("time.api/list" + WINDOW, "times"),
                              ("invoice.api/list" + WINDOW + "&detailed=true", "invoices"),
                              ("cost.api/list?page=1", "costs")):
            records = self.sim.records(path)
            rows = self.json(path)[element]
            self.assertEqual(len(records), len(rows))
            for record, row in zip(records, rows):
                self.compare(record, row, path)

    def compare(self, element, row, path):
        seen = set()
        for child in element:
            name = {"internalUuid": "uuid", "optOut": "opt-out"}.get(camel(child.tag),
                                                                     camel(child.tag))
            seen.add(name)
            value = row[name]
            if isinstance(value, list):
                self.assertEqual(len(child), len(value))
                for item, part in zip(child, value):
                    self.compare(item, part, path)
            elif isinstance(value, dict):
                self.compare(child, value, path)
            else:
                text = {True: "true", False: "false", None: ""}.get(value, value) \
                    if value is None or isinstance(value, bool) else str(value)
                self.assertEqual(child.text or "", text, (path, child.tag))
        self.assertEqual({row[name] for name in set(row) - seen
                          if not isinstance(row[name], list)} - {None}, set())

    def test_errors(self):
        answer = self.sim.get("time.api/list", **OPT_IN)
        self.assertEqual(answer.status, 400)
        self.assertEqual(set(answer.json()), {"status", "errorDescription"})
        body = self.json("job.api/get/none")
        self.assertEqual(body, {"status": "ERROR",
                                "errorDescription": "Invalid job identifier"})

    def test_single_and_paged(self):
        staff = self.json("staff.api/list")["staffList"][0]
        got = self.json("staff.api/get/" + staff["uuid"])
        self.assertEqual(got, {"status": "OK", "staff": staff})
        page = self.json("client.api/paged-list?pageSize=5")
        self.assertIn("pageToken=", page["pagination"]["links"]["next"])
        self.assertNotIn("contacts", page["clients"][0])
        self.assertEqual(self.json("cost.api/list?page=9"),
                         {"status": "OK", "costs": [], "records": 0})

    def test_the_fields_parameter(self):
        path = "client.api/list?fields=uuid,Name"
        self.assertGreater(len(self.json(path)["clients"][0]), 30)
        self.sim.control("switches", {"fields": "honoured"})
        self.addCleanup(self.sim.control, "switches", {"fields": "ignored"})
        self.assertEqual(set(self.json(path)["clients"][0]), {"uuid", "name"})
        self.assertEqual({c.tag for c in self.sim.records(path)[0]}, {"UUID", "Name"})
        self.assertGreater(len(self.sim.records(path, "workflowmax/3.0")[0]), 20)


if __name__ == "__main__":
    unittest.main()
