"""Parameters, windows and the switches for what the vendor does not say."""

import csv
import datetime
import io
import json
import unittest
import urllib.parse

from harness import Simulator, SimulatorTest

DAY = datetime.timedelta(days=1)
ALL = ("workflowmax/3.0", "practicemanager/3.1", "practicemanager/3.0")


def uuids(records):
    return {r.findtext("UUID") for r in records}


class Parameters(SimulatorTest):

    def test_names_of_parameters_in_any_case(self):
        self.assertEqual(self.sim.get("time.api/list?FROM=20250101&To=20250201").status, 200)
        self.assertIn(b"<Groups", self.sim.get("client.api/list?Detailed=TRUE").body)

    def test_unknown_parameters_are_ignored(self):
        plain = self.sim.get("client.api/list").body
        self.assertEqual(self.sim.get("client.api/list?modified_since&x=1").body, plain)

    def test_dates_are_yyyymmdd_only(self):
        for text in ("2025-01-01", "20251301", "20250230", "2025", "01012025x",
                     "2025-01-01T00:00:00", "٢٠٢٥٠١٠١"):
            for dialect, status in (("practicemanager/3.1", 400), ("workflowmax/3.0", 500)):
                answer = self.sim.get("time.api/list?from=%s&to=20250201"
                                      % urllib.parse.quote(text), dialect)
                self.assertEqual(answer.status, status, text)

    def test_from_after_to_is_refused(self):
        self.assertEqual(self.sim.get("time.api/list?from=20250102&to=20250101").status, 400)
        self.assertEqual(self.sim.get("time.api/list?from=20250101&to=20250101").status, 200)

    def test_a_leap_year_is_a_year(self):
        for window, status in (("from=20240229&to=20250227", 200),
                               ("from=20240229&to=20250228", 400),
                               ("from=20240101&to=20241231", 200),
                               ("from=20240101&to=20250101", 400)):
            self.assertEqual(self.sim.get("time.api/list?" + window).status, status, window)
            self.assertEqual(self.sim.get("time.api/list?" + window,
                                          "workflowmax/3.0").status, 200)

    def test_time_by_staff_needs_a_window_and_time_by_job_does_not(self):
        staff = self.sim.records("staff.api/list")[0].findtext("UUID")
        self.assertEqual(self.sim.get("time.api/staff/" + staff).status, 400)
        mine = self.sim.records("time.api/staff/%s?from=20250101&to=20251231" % staff)
        everybody = self.sim.records("time.api/list?from=20250101&to=20251231")
        self.assertEqual(uuids(mine), uuids(
            e for e in everybody if e.findtext("Staff/UUID") == staff))
        number = [e.findtext("Job/ID") for e in everybody
                  if e.findtext("Job/ID").startswith("J00")][0]
        of_job = self.sim.records("time.api/job/" + number)
        inside = self.sim.records("time.api/job/%s?from=20250101&to=20251231" % number)
        self.assertEqual(uuids(inside), uuids(
            e for e in everybody if e.findtext("Job/ID") == number))
        self.assertLessEqual(uuids(inside), uuids(of_job))
        later = self.sim.records("time.api/job/%s?from=20250101" % number)
        self.assertEqual(uuids(later), uuids(
            e for e in of_job if e.findtext("Date") >= "2025"))

    def test_modified_since(self):
        clients = self.sim.records("client.api/list")
        changed = clients[7].findtext("UUID")
        self.sim.control("data", {"op": "change", "table": "client",
                                  "key": {"uuid": changed}, "set": {"city": "Ōtaki"}})
        since = self.sim.control("clock")["now_utc"][:11] + "00:00:00"
        found = self.sim.records("client.api/list?modifiedSince=" + since)
        self.assertIn(changed, uuids(found))
        self.assertLess(len(found), 10)
        for text in ("2025-01-01", "20250101", "2025-01-01T00:00:00Z"):
            self.assertEqual(self.sim.get("client.api/list?modifiedsince=" + text).status, 400)

    def test_jobs_modified_since_on_workflowmax_only(self):
        window = "job.api/list?from=20240101&to=20241231"
        jobs = self.sim.records(window, "workflowmax/3.0")
        since = sorted(j.findtext("DateModifiedUtc") for j in jobs)[len(jobs) // 2]
        some = self.sim.records(window + "&modifiedsinceutc=" + since, "workflowmax/3.0")
        self.assertEqual(uuids(some), uuids(
            j for j in jobs if j.findtext("DateModifiedUtc") >= since))
        self.assertEqual(len(self.sim.records(window + "&modifiedsinceutc=" + since)),
                         len(jobs))

    def test_search(self):
        self.assertEqual(self.sim.get("client.api/search").status, 400)
        clients = self.sim.records("client.api/list")
        name = clients[3].findtext("Name")
        found = self.sim.records("client.api/search?query=" + urllib.parse.quote(name.upper()))
        self.assertIn(clients[3].findtext("UUID"), uuids(found))
        self.assertEqual(self.sim.records("client.api/search?query=no-such-client"), [])

    def test_paged_list(self):
        everybody = [c for c in self.sim.records("client.api/list")
                     if c.findtext("IsArchived") == c.findtext("IsDeleted") == "No"]
        path, seen, pages = "client.api/paged-list?pageSize=20", [], 0
        while path:
            answer = self.sim.get(path)
            root = answer.xml()
            seen += root.findall("Clients/Client")
            pages += 1
            link = root.findtext("Pagination/Links/Next")
            self.assertTrue(root.findtext("Pagination/Links/First"))
            path = link and link.split("/practicemanager/3.1/")[1]
        self.assertGreater(pages, 1)
        self.assertEqual(len(seen), len(everybody))
        self.assertEqual(uuids(seen), uuids(everybody))
        self.assertTrue(all(c.find("Contacts") is None for c in seen))
        for size in ("0", "501", "x", "-1"):
            self.assertEqual(self.sim.get("client.api/paged-list?pageSize=" + size).status, 400)
        self.assertEqual(self.sim.get("client.api/paged-list?pageToken=zz").status, 400)
        self.assertEqual(self.sim.get("client.api/paged-list", "workflowmax/3.0").status, 404)

    def test_contacts(self):
        contacts = self.sim.records("client.api/contacts?pageSize=500")
        inside = [c for client in self.sim.records("client.api/list")
                  for c in client.findall("Contacts/Contact")]
        self.assertEqual(uuids(contacts), uuids(inside))
        one = self.sim.get("client.api/contact/" + contacts[0].findtext("UUID")).xml()
        self.assertEqual(one.get("api-method"), "Contact")
        self.assertIsNone(one.find("Contact/IsPrimary"))
        client = self.sim.records("client.api/list")[0].findtext("UUID")
        through = self.sim.get("client.api/contact/%s?clientUuid=%s"
                               % (contacts[0].findtext("UUID"), client)).xml()
        self.assertIsNotNone(through.find("Contact/IsPrimary"))

    def test_jobs_of_a_client_and_of_a_staff_member(self):
        jobs = []
        for year in range(2021, 2028):
            jobs += self.sim.records("job.api/list?from=%d0101&to=%d1231" % (year, year))
        client = jobs[0].findtext("Client/UUID")
        found = self.sim.records("job.api/client/" + client)
        self.assertEqual(uuids(found), uuids(
            j for j in jobs if j.findtext("Client/UUID") == client))
        assigned = [j for j in self.sim.records("job.api/current")
                    if j.find("Assigned/Staff") is not None]
        person = assigned[0].findtext("Assigned/Staff/UUID")
        theirs = self.sim.records("job.api/staff/" + person)
        self.assertIn(assigned[0].findtext("UUID"), uuids(theirs))
        self.assertTrue(all(person in [u.text for u in j.findall("Assigned/Staff/UUID")]
                            for j in theirs))
        self.assertIsNone(theirs[0].find("InternalID"))

    def test_job_tasks_by_completion(self):
        for value in ("true", "false"):
            jobs = self.sim.records("job.api/tasks?complete=" + value)
            self.assertEqual({t.findtext("Completed") for j in jobs
                              for t in j.findall("Tasks/Task")}, {value})

    def test_keys_of_3_0_are_integers(self):
        client = self.sim.records("client.api/list", "practicemanager/3.0")[0]
        got = self.sim.get("client.api/get/" + client.findtext("ID"),
                           "practicemanager/3.0").xml()
        self.assertEqual(got.findtext("Client/UUID"), client.findtext("UUID"))
        wrong = self.sim.get("client.api/get/" + client.findtext("UUID"),
                             "practicemanager/3.0").xml()
        self.assertEqual(wrong.findtext("ErrorDescription"), "Invalid client identifier")

    def test_pages_of_current_jobs_on_workflowmax(self):
        everything = self.sim.records("job.api/current", "workflowmax/3.0")
        seen = []
        for page in range(1, 10):
            part = self.sim.records("job.api/current?page=%d&pagesize=40" % page,
                                    "workflowmax/3.0")
            self.assertLessEqual(len(part), 40)
            seen += part
        self.assertEqual([j.findtext("ID") for j in seen],
                         [j.findtext("ID") for j in everything])


class OddNumbers(SimulatorTest):

    def tearDown(self):
        self.sim.control("switches", {"odd_job_numbers": "404"})

    def test_odd_numbers_answer_404_or_work(self):
        for number in ("J/2024/05", "R&D", "A+B", "50% off", "100%25", "Küche-3", "JOB#7",
                       "why?", "..", "日本-12", "j000010", "INTERNAL", "under_score"):
            path = "job.api/get/" + urllib.parse.quote(number, safe="").replace(".", "%2E")
            plain = number.replace("_", "").replace("-", "").isascii() and \
                number.replace("_", "").replace("-", "").isalnum()
            self.sim.control("switches", {"odd_job_numbers": "404"})
            self.assertEqual(self.sim.get(path).status, 200 if plain else 404, number)
            self.assertEqual(self.sim.get(path.replace("job.api/get", "time.api/job")).status,
                             200 if plain else 404, number)
            self.sim.control("switches", {"odd_job_numbers": "ok"})
            answer = self.sim.get(path)
            self.assertEqual(answer.status, 200, number)
            self.assertEqual(answer.xml().findtext("Job/ID"), number)


class WindowSwitches(SimulatorTest):

    def setUp(self):
        self.sim.control("switches", {"to": "inclusive", "window_zone": 0,
                                      "job_window": "created", "client_jobs": "all"})

    def data(self, table, dialect="practicemanager/3.1"):
        return list(csv.DictReader(io.StringIO(
            self.sim.control("csv/%s?dialect=%s" % (table, dialect)))))

    def sent(self, path, first, last, dialect="practicemanager/3.1"):
        return uuids(self.sim.records("%s?from=%s&to=%s" % (
            path, first.strftime("%Y%m%d"), last.strftime("%Y%m%d")), dialect))

    def test_every_setting_for_time_entries(self):
        rows = self.data("time_entry")
        first, last = datetime.date(2024, 2, 28), datetime.date(2025, 2, 20)
        for to in ("inclusive", "exclusive"):
            for zone in (-11, 0, 13, 24, -24):
                self.sim.control("switches", {"to": to, "window_zone": zone})
                shift = DAY if zone >= 24 else -DAY if zone < 0 else 0 * DAY
                end = last if to == "inclusive" else last - DAY
                expected = {r["uuid"] for r in rows if first <= datetime.date.fromisoformat(
                    r["date"]) + shift <= end}
                self.assertEqual(self.sent("time.api/list", first, last), expected, (to, zone))

    def test_every_setting_for_jobs(self):
        rows = self.data("job", "workflowmax/3.0")
        first, last = datetime.date(2024, 3, 1), datetime.date(2024, 12, 31)
        seen = []
        for window, column in (("start", "start_date"), ("created", "date_created_utc")):
            for to in ("inclusive", "exclusive"):
                for zone in (0, 12):
                    self.sim.control("switches", {"to": to, "job_window": window,
                                                  "window_zone": zone})
                    end = last if to == "inclusive" else last - DAY
                    expected = set()
                    for row in rows:
                        text = row[column].replace("+00", "")
                        day = (datetime.datetime.fromisoformat(text)
                               + datetime.timedelta(hours=zone)).date()
                        if first <= day <= end:
                            expected.add(row["uuid"])
                    got = self.sent("job.api/list", first, last, "workflowmax/3.0")
                    self.assertEqual(got, expected, (window, to, zone))
                    seen.append(frozenset(got))
        self.assertGreater(len(set(seen)), 3)

    def test_client_jobs(self):
        job = [j for j in self.data("job") if j["state"] == "Completed"][0]
        path = "job.api/client/" + job["client_uuid"]
        self.assertIn(job["uuid"], uuids(self.sim.records(path)))
        self.sim.control("switches", {"client_jobs": "current"})
        self.assertNotIn(job["uuid"], uuids(self.sim.records(path)))

    def test_wrong_switches_are_refused(self):
        for change in ({"to": "sometimes"}, {"no_such": 1}):
            answer = self.sim.call("POST", "/_control/switches",
                                   body=json.dumps(change))
            self.assertEqual(answer.status, 400)

    def test_the_command_line_sets_them_too(self):
        sim = Simulator("--to", "exclusive", "--window-zone", "-2.5", "--job-window", "start",
                        "--odd-job-numbers", "ok", "--client-jobs", "current")
        self.addCleanup(sim.close)
        state = sim.control("switches")
        self.assertEqual((state["to"], state["window_zone"], state["job_window"],
                          state["odd_job_numbers"], state["client_jobs"]),
                         ("exclusive", -2.5, "start", "ok", "current"))


if __name__ == "__main__":
    unittest.main()
