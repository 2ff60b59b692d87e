"""Replay of recorded answers."""

import os
import tempfile
import unittest

from harness import Simulator

FILES = {
    "client__list.xml": '<Response api-method="List"><Status>OK</Status><Clients />'
                        "</Response>",
    "client__list.head.txt": "GET https://api.example/3.0/client.api/list\nHTTP 200 OK\n"
                             "content-type: text/xml; charset=utf-8\ncontent-length: 1\n"
                             "x-minlimit-remaining: 41\nx-recorded: yes\n",
    "staff__list__expired.json": '{"Status":401}',
    "staff__list__expired.head.txt": "GET https://api.example/3.0/staff.api/list\n"
                                     "HTTP 401 Unauthorized\nserver: Kestrel\n",
    "staff__list__good.xml": "<Response><Status>OK</Status><StaffList /></Response>",
    "job__get.xml": "<Response><Status>OK</Status><Job><ID>J/1</ID></Job></Response>",
    "job__get.head.txt": "GET https://api.example/3.0/job.api/get/J%2F1\nHTTP 200 OK\n",
    "staff__list__limit.txt": "",
    "staff__list__limit.head.txt": "GET https://api.example/3.0/staff.api/list\n"
                                   "HTTP 429 Too Many Requests\nretry-after: 22\n",
}


class ReplayTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        for name, text in FILES.items():
            with open(os.path.join(folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)
        cls.sim = Simulator("--replay", folder.name)
        cls.addClassCleanup(cls.sim.close)

    def test_a_recording_with_its_head(self):
        for dialect in ("practicemanager/3.1", "practicemanager/3.0", "workflowmax/3.0"):
            answer = self.sim.get("client.api/list?detailed=true", dialect)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.body.decode(), FILES["client__list.xml"])
            self.assertEqual(answer.header("x-recorded"), "yes")
            self.assertEqual(answer.header("x-minlimit-remaining"), "41")
            self.assertEqual(answer.header("content-length"), str(len(answer.body)))

    def test_the_first_good_recording_stands_in(self):
        answer = self.sim.get("staff.api/list")
        self.assertEqual(answer.body.decode(), FILES["staff__list__good.xml"])
        self.assertEqual(answer.header("content-type"), "text/xml; charset=utf-8")

    def test_another_can_be_chosen(self):
        self.sim.control("replay", {"path": "staff.api/list",
                                    "recording": "staff__list__expired"})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.body), (401, b'{"Status":401}'))
        self.assertIsNone(answer.header("content-type"))
        self.sim.control("replay", {"path": "staff.api/list",
                                    "recording": "staff__list__limit"})
        answer = self.sim.get("staff.api/list")
        self.assertEqual((answer.status, answer.header("retry-after"), answer.body),
                         (429, "22", b""))
        self.sim.control("replay", {"path": "staff.api/list", "recording": None})
        self.assertEqual(self.sim.get("staff.api/list").status, 200)

    def test_a_key_must_be_the_recorded_one(self):
        self.assertEqual(self.sim.get("job.api/get/J%2F1").status, 200)
        self.assertEqual(self.sim.get("job.api/get/J2").status, 404)

    def test_no_recording_is_a_clear_404(self):
        answer = self.sim.get("time.api/list?from=20250101&to=20250102")
        self.assertEqual(answer.status, 404)
        self.assertIn(b"no recording of GET time.api/list", answer.body)
        self.assertIn(b"client__list", answer.body)

    def test_tokens_and_tenants_work_as_ever(self):
        self.assertEqual(self.sim.get("client.api/list", Authorization=None).status, 401)
        self.assertEqual(self.sim.get("client.api/list", Xero_Tenant_Id=None).status, 403)
        answer = self.sim.call("GET", "/connections",
                               {"Authorization": "Bearer " + self.sim.token})
        self.assertEqual(len(answer.json()), 4)


if __name__ == "__main__":
    unittest.main()
