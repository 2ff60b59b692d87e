"""Faults, the request log, and the other control endpoints."""

import gzip
import http.client
import json
import os
import socket
import tempfile
import threading
import time
import unittest

from harness import HELD, PATIENCE, Simulator, SimulatorTest, claims

STAFF = "/practicemanager/3.1/staff.api"


class FaultTest(SimulatorTest):

    def setUp(self):
        super().setUp()
        if self.sim.connection is not None:
            self.sim.connection.close()
        self.sim.refresh()
        self.good = self.sim.get("staff.api/list")

    def fault(self, action, **more):
        rule = dict({"match": {"path": STAFF}, "count": 1, "action": action}, **more)
        return self.sim.control("faults", rule)["ids"][0]

    def raw(self, path="staff.api/list", extra="", body=None):
        """The bytes of an answer until the connection ends, or, once so much of
        its body has come, falls silent."""
        with socket.create_connection((self.sim.parts.hostname, self.sim.parts.port),
                                      timeout=PATIENCE) as connection:
            connection.sendall((
                "GET /practicemanager/3.1/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Xero-Tenant-Id: %s\r\n%s\r\n" % (
                    path, self.sim.token, self.sim.tenants["practicemanager"], extra)).encode())
            data = b""
            how = "end"
            while True:
                try:
                    part = connection.recv(65536)
                except socket.timeout:
                    return data, "silence"
                except ConnectionResetError:
                    return data, "reset"
                if not part:
                    return data, how
                data += part
                if body is not None and len(data.partition(b"\r\n\r\n")[2]) >= body:
                    connection.settimeout(0.5)
                if len(data) > 3000000:
                    return data, "flood"

    def test_a_status_with_a_body(self):
        self.fault({"status": 503, "body": "busy", "headers": {"Retry-After": "2"}})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.body), (503, b"busy"))
        self.assertEqual(answer.header("retry-after"), "2")
        self.assertEqual(self.sim.get("staff.api/list").body, self.good.body)

    def test_ready_made_answers(self):
        self.fault({"unavailable": True})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.json()["Detail"]), (503, "ServiceNotAvailable"))
        self.fault({"error_text": "Something <else>"})
        answer = self.sim.get("staff.api/list")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.xml().findtext("ErrorDescription"), "Something <else>")
        self.fault({"html": True})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "text/html"))
        self.fault({"retry_after": 7})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("retry-after"), answer.body),
                         (429, "7", b""))
        self.assertEqual(answer.header("x-rate-limit-problem"), "minute")
        self.fault({"redirect": "http://elsewhere.example/"})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("location")),
                         (302, "http://elsewhere.example/"))

    def test_matching_skipping_counting(self):
        self.sim.control("faults", {
            "match": {"path": "*job.api", "method": "GET", "query": {"Detailed": "true"}},
            "skip": 1, "every": 2, "count": 2, "action": {"status": 500}})
        statuses = [self.sim.get("job.api/current?detailed=true").status for _ in range(7)]
        self.assertEqual(statuses, [200, 500, 200, 500, 200, 200, 200])
        self.assertEqual(self.sim.get("job.api/current").status, 200)
        rule = self.sim.control("faults")[0]
        self.assertEqual((rule["seen"], rule["used"]), (7, 2))

    def test_rules_can_be_removed_and_are_checked(self):
        one = self.fault({"status": 500}, count=None)
        two = self.fault({"status": 502}, count=None)
        self.assertEqual(self.sim.get("staff.api/list").status, 500)
        self.sim.control("faults/%d" % one, method="DELETE")
        self.assertEqual(self.sim.get("staff.api/list").status, 502)
        self.assertEqual([r["id"] for r in self.sim.control("faults")], [two])
        for wrong in ({"action": {"explode": 1}}, {"match": {"paths": "/"}, "action": {
                "status": 500}}, {}, {"action": {"delay": "soon"}},
                      {"action": {"cut_after": 1, "how": "gently"}}):
            answer = self.sim.call("POST", "/_control/faults", body=json.dumps(wrong))
            self.assertEqual(answer.status, 400)

    def test_delays(self):
        for action in ({"delay": 0.3}, {"delay_before": 0.3}):
            self.fault(action)
            start = time.monotonic()
            self.assertEqual(self.sim.get("staff.api/list").body, self.good.body)
            self.assertGreaterEqual(time.monotonic() - start, 0.3)

    def test_release_ends_what_holds_an_answer_up(self):
        for action in ({"delay": HELD}, {"delay_before": HELD},
                       {"stall_after": 50, "stall_seconds": HELD},
                       {"drip": {"bytes": 1, "interval": HELD}}):
            self.sim.control("faults", {"match": {"path": STAFF}, "action": action})
            answers = []
            slow = threading.Thread(target=lambda: answers.append(self.raw(
                extra="Connection: close\r\n")[0]))
            slow.start()
            self.sim.wait_for_active(1)
            self.sim.release()
            slow.join(PATIENCE)
            self.assertEqual(answers[0].partition(b"\r\n\r\n")[2], self.good.body, action)
            self.assertEqual(self.sim.control("faults"), [])

    def test_cuts(self):
        size = len(self.good.body)
        for how, seen in (("close", "end"), ("rst", "reset")):
            self.fault({"cut_after": 100, "how": how})
            data, end = self.raw()
            head, _, body = data.partition(b"\r\n\r\n")
            self.assertIn(b"content-length: %d" % size, head)
            self.assertLessEqual(len(body), 100)
            self.assertEqual(end, seen)
            self.fault({"drop": how})
            data, end = self.raw()
            self.assertEqual((data, end), (b"", seen))

    def test_a_body_without_a_length_can_be_cut_unnoticed(self):
        self.fault({"no_length": True, "cut_after": 100})
        data, end = self.raw()
        head, _, body = data.partition(b"\r\n\r\n")
        self.assertNotIn(b"content-length", head)
        self.assertIn(b"connection: close", head)
        self.assertEqual((len(body), end), (100, "end"))

    def test_stall_and_drip(self):
        self.fault({"stall_after": 50, "stall_seconds": HELD})
        data, end = self.raw(body=50)
        self.assertEqual((len(data.partition(b"\r\n\r\n")[2]), end), (50, "silence"))
        self.fault({"drip": {"bytes": 200, "interval": 0.02}})
        start = time.monotonic()
        self.assertEqual(self.sim.get("staff.api/list").body, self.good.body)
        self.assertGreater(time.monotonic() - start, 0.02 * (len(self.good.body) // 200 - 2))

    def test_a_peer_that_leaves_frees_its_place(self):
        self.fault({"stall_after": 50, "stall_seconds": HELD})
        since = self.sim.control("state")["last_seq"]
        self.raw(body=50)
        self.sim.wait_for_active(0)
        entry = self.sim.log(since)[-1]
        self.assertEqual((entry["outcome"], entry["bytes"]), ("peer gone", 50))

    def test_chunks(self):
        self.fault({"chunked": True})
        answer = self.sim.get("staff.api/list")
        self.assertEqual(answer.header("transfer-encoding"), "chunked")
        self.assertEqual(answer.body, self.good.body)

    def test_spoilt_gzip(self):
        self.fault({"truncate_gzip": 8})
        answer = self.sim.get("staff.api/list", Accept_Encoding="gzip")
        with self.assertRaises(EOFError):
            gzip.decompress(answer.body)
        self.fault({"force_gzip": True})
        answer = self.sim.get("staff.api/list")
        self.assertEqual(gzip.decompress(answer.body), self.good.body)
        self.fault({"gzip_bomb": 20})
        answer = self.sim.get("staff.api/list")
        self.assertLess(len(answer.body), 100000)
        self.assertGreater(len(gzip.decompress(answer.body)), 20 * 1048576)

    def test_endless_answers(self):
        self.fault({"endless": True, "no_length": True})
        self.assertEqual(self.raw()[1], "flood")
        self.fault({"endless_headers": True})
        data, end = self.raw()
        self.assertEqual(end, "flood")
        self.assertNotIn(b"\r\n\r\n", data)

    def test_spoilt_content(self):
        self.fault({"content_type": "text/html"})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.header("content-type"), answer.body),
                         ("text/html", self.good.body))
        self.fault({"repeat_body": 2})
        self.assertEqual(self.sim.get("staff.api/list").body, self.good.body * 2)
        self.fault({"content_encoding": "br"})
        self.assertEqual(self.sim.get("staff.api/list").header("content-encoding"), "br")
        self.fault({"remove_headers": ["xero-correlation-id", "content-type"]})
        answer = self.sim.get("staff.api/list")
        self.assertIsNone(answer.header("xero-correlation-id"))
        self.assertIsNone(answer.header("content-type"))
        self.fault({"extra_headers": 300})
        self.assertIn(b"x-extra-299: ", self.raw(extra="Connection: close\r\n")[0])
        self.fault({"pad": 1000})
        self.assertEqual(len(self.sim.get("staff.api/list").body), len(self.good.body) + 1000)

    def test_an_answer_lost_after_the_token_was_rotated(self):
        grant = self.sim.control("tokens", {"new_grant": {"client_id": "sim-client"}})
        form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
        self.sim.control("faults", {"match": {"path": "/connect/token"}, "count": 1,
                                    "action": {"drop": "close"}})
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            self.sim.post_token(form)
        self.sim.connection.close()
        state = self.sim.control("tokens")["grants"][grant["grant"]]
        self.assertEqual(state["generation"], 1)
        self.sim.control("faults", {"match": {"path": "/connect/token"}, "count": 1,
                                    "action": {"status": 503, "after_processing": True}})
        self.assertEqual(self.sim.post_token(form).status, 503)
        self.sim.control("faults", {"match": {"path": "/connect/token"}, "count": 1,
                                    "action": {"status": 503}})
        fresh = self.sim.control("tokens", {"new_grant": {"client_id": "sim-client"}})
        form["refresh_token"] = fresh["refresh_token"]
        self.assertEqual(self.sim.post_token(form).status, 503)
        state = self.sim.control("tokens")["grants"][fresh["grant"]]
        self.assertEqual(state["generation"], 0)


class LogTest(SimulatorTest):

    def test_an_entry(self):
        since = self.sim.control("state")["last_seq"]
        self.sim.get("job.api/get/R%26D?x=1%202", Accept_Encoding="gzip")
        entry = [e for e in self.sim.log(since) if "job.api" in e["path"]][0]
        self.assertEqual(entry["method"], "GET")
        self.assertEqual(entry["path"], "/practicemanager/3.1/job.api/get/R&D")
        self.assertEqual(entry["target"], "/practicemanager/3.1/job.api/get/R%26D?x=1%202")
        self.assertEqual(entry["query"], {"x": "1 2"})
        self.assertEqual(entry["dialect"], "practicemanager/3.1")
        self.assertEqual(entry["tenant"], self.sim.tenants["practicemanager"])
        self.assertEqual(entry["status"], 404)
        self.assertEqual(entry["grant"], 0)
        self.assertGreaterEqual(entry["token_generation"], 1)
        self.assertTrue(entry["authorization"])
        self.assertEqual(entry["headers"]["authorization"], "Bearer (removed)")
        self.assertEqual(entry["headers"]["accept-encoding"], "gzip")
        self.assertNotIn(self.sim.token, json.dumps(entry))
        for name in ("seq", "arrival", "time", "bytes", "duration", "concurrent", "outcome"):
            self.assertIn(name, entry)

    def test_since_and_control_requests_stay_out(self):
        for _ in range(3):
            self.sim.get("staff.api/list")
        entries = self.sim.log()
        numbers = [e["seq"] for e in entries]
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual([e["seq"] for e in self.sim.log(numbers[-2])], numbers[-1:])
        self.assertFalse([e for e in entries if e["path"].startswith("/_control")])
        self.sim.control("reset", {"what": ["log"]})
        self.assertEqual(self.sim.log(), [])

    def test_an_answer_that_was_read_is_in_the_log(self):
        for number in range(100):
            path = ("staff.api/list", "client.api/list")[number % 2]
            self.sim.get("%s?n=%d" % (path, number))
            entry = self.sim.log(self.sim.control("state")["last_seq"] - 1)[-1]
            self.assertEqual(entry["query"], {"n": str(number)})

    def test_no_secret_reaches_log_or_state(self):
        self.sim.refresh()
        everything = json.dumps([self.sim.log(), self.sim.control("state")])
        for secret in ("sim-secret", self.sim.token, self.sim.refresh_token):
            self.assertNotIn(secret, everything)

    def test_the_log_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log")
            sim = Simulator("--log", path)
            sim.get("staff.api/list")
            seen = sim.log()
            sim.close()
            with open(path, encoding="utf-8") as file:
                self.assertEqual([json.loads(line) for line in file], seen)

    def test_concurrency_is_seen(self):
        self.sim.control("reset", {"what": ["counters"]})
        self.sim.control("faults", {"match": {"path": STAFF}, "count": 3,
                                    "action": {"delay": HELD}})
        headers = {"Authorization": "Bearer " + self.sim.refresh(),
                   "Xero-Tenant-Id": self.sim.tenants["practicemanager"]}

        def call():
            connection = self.sim.connect()
            self.sim.call("GET", STAFF + "/list", headers, connection=connection)
            connection.close()
        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        self.sim.wait_for_active(3)
        self.sim.release()
        for thread in threads:
            thread.join()
        self.assertEqual(self.sim.control("state")["http"]["highest_concurrency"], 3)


class ControlTest(SimulatorTest):

    def test_unknown_things_are_named(self):
        answer = self.sim.call("GET", "/_control/nothing")
        self.assertEqual(answer.status, 404)
        self.assertIn("state", answer.json()["error"])
        answer = self.sim.call("GET", "/_control/csv/nothing")
        self.assertIn("time_entry", answer.json()["error"])
        self.assertEqual(self.sim.call("POST", "/_control/reset",
                                       body='{"what": ["x"]}').status, 400)
        self.assertEqual(self.sim.call("POST", "/_control/limits", body="{").status, 400)

    def is_real_time(self):
        before = time.time()
        now = self.sim.control("clock")["now"]
        self.assertTrue(before - 0.01 <= now <= time.time() + 0.01)

    def test_the_clock(self):
        self.is_real_time()
        frozen = self.sim.control("clock", {"freeze": "2019-01-02T03:04:05Z"})
        self.assertEqual((frozen["now_utc"], frozen["frozen"]), ("2019-01-02T03:04:05Z", True))
        self.assertEqual(self.sim.control("clock", {"advance": 60})["now_utc"],
                         "2019-01-02T03:05:05Z")
        made = self.sim.control("tokens", {"new_grant": {"client_id": "sim-client"}})
        token = self.sim.post_token({"grant_type": "refresh_token",
                                     "refresh_token": made["refresh_token"]}).json()
        self.assertEqual(time.gmtime(claims(token["access_token"])["nbf"])[:5],
                         (2019, 1, 2, 3, 5))
        self.sim.control("clock", {"run": True})
        self.assertFalse(self.sim.control("clock")["frozen"])
        self.sim.control("clock", {"offset": 0})
        self.is_real_time()

    def test_changes_of_the_data(self):
        first = self.sim.records("client.api/list")[0].findtext("UUID")
        self.sim.control("data", {"op": "change", "table": "client", "key": {"uuid": first},
                                  "set": {"name": "Renamed & <new>"}})
        got = self.sim.get("client.api/get/" + first).xml()
        self.assertEqual(got.findtext("Client/Name"), "Renamed & <new>")
        made = self.sim.control("data", {
            "op": "add", "table": "time", "set": {
                "date": "2026-03-14", "minutes": 77, "job": {"id": "J000010"}}})["uuids"][0]
        found = self.sim.records("time.api/list?from=20260314&to=20260314")
        mine = [t for t in found if t.findtext("UUID") == made][0]
        self.assertEqual((mine.findtext("Minutes"), mine.findtext("Job/ID")),
                         ("77", "J000010"))
        self.assertIn(made, self.sim.control("csv/time_entry"))
        self.sim.control("data", {"op": "delete", "table": "time", "key": {"uuid": made}})
        answer = self.sim.get("time.api/get/" + made).xml()
        self.assertEqual(answer.findtext("ErrorDescription"), "Invalid time identifier")
        job = self.sim.control("data", {"op": "change", "table": "job",
                                        "key": {"id": "J000010"},
                                        "set": {"state": "Completed"}})["uuids"][0]
        self.assertNotIn(job, [j.findtext("UUID") for j in
                               self.sim.records("job.api/current")])

    def test_stop(self):
        sim = Simulator()
        self.assertTrue(sim.control("stop", {})["stopping"])
        self.assertEqual(sim.process.wait(PATIENCE), 0)
        sim.close()


if __name__ == "__main__":
    unittest.main()
