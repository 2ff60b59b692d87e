"""What stands before the data: token, tenant, limits; the error formats."""

import threading
import unittest

from harness import HELD, Simulator, SimulatorTest

PROBLEM = {"Type", "Title", "Status", "Detail", "Instance", "Extensions"}


class Security(SimulatorTest):
    arguments = ("--minute-limit", "1000")

    def problem(self, answer, status, title, detail):
        self.assertEqual(answer.status, status)
        body = answer.json()
        self.assertEqual(set(body), PROBLEM)
        self.assertEqual((body["Title"], body["Status"]), (title, status))
        self.assertIsNone(body["Type"])
        self.assertRegex(body["Detail"], detail)
        self.assertEqual(body["Instance"], answer.header("xero-correlation-id"))

    def test_401_without_or_with_a_wrong_token(self):
        for value in (None, "Bearer nonsense", "Basic eDp5"):
            answer = self.sim.get("staff.api/list", Authorization=value)
            self.problem(answer, 401, "Unauthorized", "^AuthenticationUnsuccessful$")
            self.assertEqual(answer.header("www-authenticate"), "Bearer error=invalid_token")
            self.assertIsNone(answer.header("content-type"))

    def test_401_names_the_time_of_expiry(self):
        token = self.sim.refresh()
        self.assertEqual(self.sim.get("staff.api/list").status, 200)
        self.sim.control("clock", {"advance": 1801})
        answer = self.sim.get("staff.api/list")
        self.problem(answer, 401, "Unauthorized",
                     r"^TokenExpired: token expired at \d\d/\d\d/\d{4} \d\d:\d\d:\d\d$")
        self.sim.control("clock", {"offset": 0})
        self.assertEqual(self.sim.token, token)
        self.assertEqual(self.sim.get("staff.api/list").status, 200)

    def test_control_expires_and_revokes(self):
        self.sim.refresh()
        self.sim.control("tokens", {"expire_access": True})
        self.problem(self.sim.get("staff.api/list"), 401, "Unauthorized", "TokenExpired")
        self.sim.refresh()
        self.assertEqual(self.sim.get("staff.api/list").status, 200)

    def test_403_for_a_missing_wrong_or_foreign_tenant(self):
        tenants = self.sim.control("tenants")
        organisation = [t for t in tenants if t["type"] == "ORGANISATION"][0]["tenant_id"]
        for tenant in (None, "", "00000000-0000-4000-8000-000000000000", organisation,
                       self.sim.tenants["workflowmax"]):
            answer = self.sim.get("staff.api/list", Xero_Tenant_Id=tenant)
            self.problem(answer, 403, "Forbidden", "^AuthenticationUnsuccessful$")
            self.assertEqual(answer.header("content-type"), "application/json")
            self.assertIsNotNone(answer.header("x-appminlimit-remaining"))
            self.assertIsNone(answer.header("x-minlimit-remaining"))
        answer = self.sim.get("staff.api/list", "workflowmax/3.0",
                              Xero_Tenant_Id=self.sim.tenants["practicemanager"])
        self.assertEqual(answer.status, 403)

    def test_403_after_a_disconnection(self):
        tenant = self.sim.tenants["practicemanager"]
        self.sim.control("tenants", {"disconnect": tenant})
        self.assertEqual(self.sim.get("staff.api/list").status, 403)
        self.sim.control("tenants", {"reconnect": True})
        self.assertEqual(self.sim.get("staff.api/list").status, 200)

    def test_403_without_the_scope(self):
        made = self.sim.control("tokens", {"new_grant": {
            "client_id": "sim-client", "scope": "offline_access workflowmax"}})
        access = self.sim.post_token({"grant_type": "refresh_token",
                                      "refresh_token": made["refresh_token"]}).json()
        answer = self.sim.get("staff.api/list",
                              Authorization="Bearer " + access["access_token"])
        self.problem(answer, 403, "Forbidden", "InsufficientPermissions")

    def test_tokens_of_the_other_vendor_are_worth_nothing(self):
        made = self.sim.control("tokens", {"new_grant": {
            "client_id": "sim-client", "vendor": "bluerock"}})
        body = self.sim.post_token({
            "grant_type": "refresh_token", "refresh_token": made["refresh_token"],
            "client_id": "sim-client", "client_secret": "sim-secret"}, None,
            "/oauth/token").json()
        bearer = {"Authorization": "Bearer " + body["access_token"]}
        self.assertEqual(self.sim.get("staff.api/list", "workflowmax/3.0", **bearer).status, 401)
        self.assertEqual(self.sim.call("GET", "/connections", bearer).status, 401)

    def test_the_tenant_id_may_be_in_capitals(self):
        tenant = self.sim.tenants["practicemanager"].upper()
        self.assertEqual(self.sim.get("staff.api/list", Xero_Tenant_Id=tenant).status, 200)

    def test_a_second_tenant_shows_other_data(self):
        tenants = [t["tenant_id"] for t in self.sim.control("tenants")
                   if t["type"] == "PRACTICEMANAGER"]
        sizes = [len(self.sim.get("client.api/list", Xero_Tenant_Id=t).xml().find("Clients"))
                 for t in tenants]
        self.assertEqual(sizes, [60, 12])

    def test_unknown_paths_are_404(self):
        for path in ("nothing.api/list", "client.api/nothing", "jobstate.api/list/x"):
            self.assertEqual(self.sim.get(path).status, 404)
        self.assertEqual(self.sim.get("jobstate.api/list", "workflowmax/3.0").status, 404)
        self.assertEqual(self.sim.call("GET", "/elsewhere").status, 404)

    def test_writing_is_refused(self):
        headers = {"Authorization": "Bearer " + self.sim.refresh(),
                   "Xero-Tenant-Id": self.sim.tenants["practicemanager"]}
        answer = self.sim.call("POST", "/practicemanager/3.1/client.api/list", headers, "<x/>")
        self.assertEqual(answer.status, 405)


class LimitsTest(SimulatorTest):
    arguments = ()
    USUAL = {"minute": 60, "day": 5000, "concurrent": 5, "app_minute": 10000,
             "sliding": False, "enforced": True}

    def frozen(self, **limits):
        """Stand one second into a minute window, nothing counted so far."""
        sim = self.sim
        sim.control("limits", dict(self.USUAL, enforced=False))
        sim.get("staff.api/list")
        phase = [t["minute_phase"] for name, t in sim.control("limits")["tenants"].items()
                 if name.endswith(sim.tenants["practicemanager"])][0]
        now = sim.control("clock", {"freeze": None})["now"]
        sim.control("clock", {"advance": 61 - (now - phase) % 60})
        sim.control("limits", dict(self.USUAL, **limits))
        sim.control("reset", {"what": ["limits"]})
        self.addCleanup(sim.control, "clock", {"offset": 0})
        self.addCleanup(sim.control, "limits", self.USUAL)
        return sim

    def remaining(self, answer):
        return {k: int(v) for k, v in answer.headers.items() if k.endswith("limit-remaining")}

    def test_headers_count_down_on_every_answer(self):
        sim = self.frozen(minute=10, day=100, app_minute=1000)
        first = self.remaining(sim.get("staff.api/list"))
        self.assertEqual(set(first), {"x-minlimit-remaining", "x-daylimit-remaining",
                                      "x-appminlimit-remaining"})
        self.assertEqual(first["x-minlimit-remaining"], 9)
        for path in ("client.api/get/unknown", "time.api/list", "no.api/such"):
            second = self.remaining(sim.get(path))
            for name in first:
                self.assertEqual(second[name], first[name] - 1, path)
            first = second

    def test_the_minute_limit(self):
        sim = self.frozen(minute=3)
        for _ in range(3):
            self.assertEqual(sim.get("staff.api/list").status, 200)
        answer = sim.get("staff.api/list")
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.body, b"")
        self.assertEqual(answer.header("content-length"), "0")
        self.assertIsNone(answer.header("content-type"))
        self.assertEqual(answer.header("x-rate-limit-problem"), "minute")
        self.assertEqual(answer.header("x-minlimit-remaining"), "0")
        wait = int(answer.header("retry-after"))
        self.assertIn(wait, (59, 60))
        sim.control("clock", {"advance": wait})
        self.assertEqual(sim.get("staff.api/list").status, 200)

    def test_tenants_are_counted_apart(self):
        sim = self.frozen(minute=1)
        self.assertEqual(sim.get("staff.api/list").status, 200)
        self.assertEqual(sim.get("staff.api/list").status, 429)
        self.assertEqual(sim.get("staff.api/list", "workflowmax/3.0").status, 200)

    def test_a_sliding_minute(self):
        sim = self.frozen(minute=2, sliding=True)
        sim.control("clock", {"advance": 50})
        sim.get("staff.api/list")
        sim.get("staff.api/list")
        sim.control("clock", {"advance": 20})
        answer = sim.get("staff.api/list")
        self.assertEqual(answer.status, 429)
        self.assertIn(int(answer.header("retry-after")), (40, 41))
        sim.control("clock", {"advance": 41})
        self.assertEqual(sim.get("staff.api/list").status, 200)

    def test_the_day_limit(self):
        sim = self.frozen(day=2)
        sim.get("staff.api/list")
        sim.get("staff.api/list")
        answer = sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("x-rate-limit-problem")), (429, "day"))
        wait = int(answer.header("retry-after"))
        self.assertGreater(wait, 0)
        self.assertLessEqual(wait, 86400)
        sim.control("clock", {"advance": wait})
        sim.refresh()
        self.assertEqual(sim.get("staff.api/list").status, 200)
        sim.control("clock", {"offset": 0})
        sim.refresh()

    def test_the_minute_limit_of_the_app(self):
        sim = self.frozen(app_minute=2)
        statuses = [sim.get("staff.api/list", d).status for d in
                    ("practicemanager/3.1", "workflowmax/3.0", "practicemanager/3.1")]
        self.assertEqual(statuses, [200, 200, 429])
        answer = sim.get("staff.api/list")
        self.assertEqual(answer.header("x-rate-limit-problem"), "appminute")

    def test_five_at_once(self):
        sim = self.sim
        sim.control("reset", {"what": ["limits"]})
        sim.control("faults", {"match": {"path": "/practicemanager"}, "count": 5,
                               "action": {"delay": HELD}})
        self.addCleanup(sim.release)
        headers = {"Authorization": "Bearer " + sim.refresh(),
                   "Xero-Tenant-Id": sim.tenants["practicemanager"]}
        statuses = []

        def call():
            connection = sim.connect()
            statuses.append(sim.call("GET", "/practicemanager/3.1/staff.api/list", headers,
                                     connection=connection).status)
            connection.close()
        threads = [threading.Thread(target=call) for _ in range(5)]
        for thread in threads:
            thread.start()
        sim.wait_for_active(5)
        answer = sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("x-rate-limit-problem"), answer.body),
                         (429, "concurrent", b""))
        self.assertIsNone(answer.header("retry-after"))
        sim.release()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 5)
        tenant = [t for name, t in sim.control("limits")["tenants"].items()
                  if name.endswith(sim.tenants["practicemanager"])][0]
        self.assertEqual(tenant["highest_concurrency"], 5)
        self.assertEqual(tenant["refused"], {"concurrent": 1})
        self.assertEqual(tenant["active"], 0)
        self.assertEqual(sim.get("staff.api/list").status, 200)

    def test_a_place_is_free_once_the_answer_is_read(self):
        sim = self.sim
        sim.control("limits", dict(self.USUAL, minute=100000, day=100000, app_minute=100000))
        self.addCleanup(sim.control, "limits", self.USUAL)
        headers = {"Authorization": "Bearer " + sim.refresh(),
                   "Xero-Tenant-Id": sim.tenants["practicemanager"]}
        statuses = []

        def call():
            connection = sim.connect()
            for number in range(60):
                path = ("staff.api/list", "client.api/list")[number % 2]
                statuses.append(sim.call("GET", "/practicemanager/3.1/" + path, headers,
                                         connection=connection).status)
            connection.close()
        threads = [threading.Thread(target=call) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 300)

    def test_limits_can_be_off(self):
        sim = Simulator("--no-limits", "--minute-limit", "1")
        self.addCleanup(sim.close)
        for _ in range(5):
            answer = sim.get("staff.api/list")
            self.assertEqual(answer.status, 200)
            self.assertEqual(self.remaining(answer), {}, "nothing says that there are limits")
        answer = sim.get("staff.api/list", Xero_Tenant_Id="unknown")
        self.assertEqual((answer.status, self.remaining(answer)), (403, {}))
        tenant = [t for name, t in sim.control("limits")["tenants"].items()
                  if name.endswith(sim.tenants["practicemanager"])][0]
        self.assertEqual((tenant["minute_used"], tenant["refused"]), (5, {}), "but calls are counted")
        sim.control("limits", {"enforced": True})
        answer = sim.get("staff.api/list")
        self.assertEqual((answer.status, self.remaining(answer)["x-minlimit-remaining"]), (429, 0))


if __name__ == "__main__":
    unittest.main()
