"""Generated answers against recorded ones, where the recordings are at hand.

WFM_SAMPLES names the folder of recordings; without it the folder
shared/api/samples beside the repository is looked for.  A generated answer
may hold elements no recording has; it must not lack one that they have, put
one elsewhere, or write values in another way.
"""

import os
import re
import unittest
import xml.etree.ElementTree as ET

from harness import HERE, Simulator

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PLACES = (os.environ.get("WFM_SAMPLES"),
          os.path.join(os.path.dirname(REPOSITORY), "shared", "api", "samples"),
          os.path.join(os.path.dirname(os.path.dirname(REPOSITORY)), "shared", "api",
                       "samples"))
FOLDER = next((os.path.join(place, "xpm30-ignitionapp-xpm_ruby") for place in PLACES
               if place and os.path.isdir(place)), None)

PAIRS = (
    # recording, generated answer on practicemanager/3.0
    ("client__list", "client.api/list?detailed=true"),
    ("client__list__when_detailed_false", "client.api/list"),
    ("client__search__when_detailed_true", "client.api/search?query=a&detailed=true"),
    ("client__search__when_detailed_false", "client.api/search?query=a"),
    ("job__current", "job.api/current"),
    ("staff__list__access_token_accepted", "staff.api/list"),
    ("category__list", "category.api/list"),
    ("template__list", "template.api/list"),
)


def paths(element, prefix=""):
    """Every path of elements: {'/Response/Clients/Client/Name', ...}"""
    path = prefix + "/" + element.tag
    found = {path}
    for child in element:
        found |= paths(child, path)
    return found


@unittest.skipUnless(FOLDER, "recorded samples are not at hand (set WFM_SAMPLES)")
class Samples(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator("--minute-limit", "100000", "--day-limit", "1000000")

    @classmethod
    def tearDownClass(cls):
        cls.sim.close()

    def recorded(self, name, kind=".xml"):
        with open(os.path.join(FOLDER, name + kind), "rb") as file:
            return file.read()

    def head(self, name):
        fields = {}
        for line in self.recorded(name, ".head.txt").decode().splitlines()[2:]:
            key, _, value = line.partition(":")
            fields[key.lower()] = value.strip()
        return fields

    def generated(self, path):
        return self.sim.get(path, "practicemanager/3.0")

    def test_vocabulary_and_nesting(self):
        for name, path in PAIRS:
            with self.subTest(recording=name):
                old = ET.fromstring(self.recorded(name))
                new = self.generated(path).xml()
                self.assertEqual(old.attrib, new.attrib)
                self.assertEqual([c.tag for c in old], [c.tag for c in new])
                self.assertLessEqual(paths(old), paths(new))

    def test_gets(self):
        client = self.sim.records("client.api/list", "practicemanager/3.0")
        with_contact = [c for c in client if c.find("Contacts/Contact") is not None
                        and c.find("Email") is not None and c.find("TaxNumber") is not None]
        for name, path in (
                ("client__get", "client.api/get/" + with_contact[0].findtext("ID")),
                ("job__get", "job.api/get/J000010")):
            old, new = ET.fromstring(self.recorded(name)), self.generated(path).xml()
            self.assertEqual(old.attrib, new.attrib)
            wanted = {p for p in paths(old) if not re.search("/(Manager|Assigned)/", p)}
            self.assertLessEqual(wanted - {"/Response/Job/Manager"}, paths(new), name)

    def test_order_of_elements(self):
        """The usual order of the generated elements is the recorded one."""
        for name, path, tag in (("client__list", "client.api/list?detailed=true", "Client"),
                                ("job__current", "job.api/current", "Job"),
                                ("staff__list__access_token_accepted", "staff.api/list",
                                 "Staff")):
            old = max(ET.fromstring(self.recorded(name)).iter(tag), key=len)
            order = [c.tag for c in old]
            agree = total = 0
            for record in self.sim.records(path, "practicemanager/3.0"):
                mine = [c.tag for c in record if c.tag in order]
                total += 1
                agree += mine == [t for t in order if t in mine]
            self.assertGreater(agree, 0.8 * total, name)

    def test_conventions(self):
        for name, path in PAIRS:
            old, new = self.recorded(name), self.generated(path).body
            for body in (old, new):
                self.assertFalse(body.startswith(b"<?xml"), name)
                self.assertIsNone(re.search(rb"<(?!Contacts|Notes|Groups|Relationships|Assigned"
                                            rb"|Tasks|Milestones|Clients)\w+ ?/>", body), name)
                self.assertIsNone(re.search(rb"<\w+/>", body), name)

    def test_values(self):
        """A value of an element is written as in the recordings."""
        shapes = (r"(Yes|No)", r"(true|false)", r"\d{4}-\d\d-\d\dT00:00:00")
        for name, path in PAIRS:
            new = self.generated(path).xml()
            for element in ET.fromstring(self.recorded(name)).iter():
                text = element.text
                if not text:
                    continue
                whole = (r"-?\d+",) if re.search("^InternalID$|Minutes$", element.tag) else ()
                for shape in shapes + whole:
                    if re.fullmatch(shape, text):
                        for other in new.iter(element.tag):
                            if len(other) == 0:
                                self.assertRegex(other.text or "", "^(%s)?$" % shape,
                                                 element.tag)
                        break

    def test_errors(self):
        old = self.recorded("job__delete__error")
        new = self.generated("job.api/get/none").body
        self.assertEqual(re.sub(rb'api-method="\w+"', b"", old),
                         re.sub(rb'api-method="\w+"', b"", new))
        for name, headers in (("staff__list__access_token_unauthorized",
                               {"Authorization": "Bearer x"}),
                              ("connection__get__bad_tenant", {"Xero_Tenant_Id": "x"})):
            answer = self.sim.get("staff.api/list", "practicemanager/3.0", **headers)
            blank = rb'"Instance":"[0-9a-f-]+"'
            self.assertEqual(re.sub(blank, b"", self.recorded(name, ".json").strip()),
                             re.sub(blank, b"", answer.body))
            self.same_headers(name, answer)

    def test_headers(self):
        self.same_headers("client__get", self.generated("staff.api/list"))

    def same_headers(self, name, answer):
        transfer = {"date", "connection", "recorded_at", "expires", "x-client-tls-ver"}
        self.assertEqual(set(self.head(name)) - transfer, set(answer.headers) - transfer)
        for field in ("content-type", "www-authenticate", "cache-control", "pragma"):
            self.assertEqual(self.head(name).get(field), answer.header(field), name)

    def test_a_refusal_by_the_limits(self):
        sim = Simulator("--minute-limit", "0")
        self.addCleanup(sim.close)
        answer = sim.get("staff.api/list", "practicemanager/3.0")
        self.assertEqual((answer.status, answer.body), (429, b""))
        self.same_headers("connection__get__rate_limit_exceeded", answer)

    def test_replay_serves_every_record(self):
        sim = Simulator("--replay", FOLDER)
        self.addCleanup(sim.close)
        for name, path in (("client__list", "client.api/list"),
                           ("staff__list__access_token_accepted", "staff.api/list"),
                           ("job__current", "job.api/current")):
            self.assertEqual(sim.get(path, "practicemanager/3.0").body, self.recorded(name))


if __name__ == "__main__":
    unittest.main()
