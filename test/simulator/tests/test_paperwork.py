"""Costs, custom fields, documents, groups, invoices, quotes."""

import unittest
import urllib.parse

from harness import SimulatorTest

ALL = ("workflowmax/3.0", "practicemanager/3.1", "practicemanager/3.0")
YEARS = ["from=%d0101&to=%d1231" % (year, year) for year in range(2021, 2028)]


class Paperwork(SimulatorTest):

    def windows(self, path, dialect="practicemanager/3.1", more=""):
        records = []
        for year in YEARS:
            records += self.sim.records("%s?%s%s" % (path, year, more), dialect)
        return records

    def test_the_cost_catalogue_has_pages_of_a_thousand_and_ends_with_none(self):
        sizes = []
        for page in (1, 2, 3, 4):
            root = self.sim.get("cost.api/list?page=%d" % page).xml()
            self.assertEqual(root.findtext("Records"), str(len(root.find("Costs"))))
            sizes.append(len(root.find("Costs")))
        self.assertEqual(sizes, [1000, 250, 0, 0])
        for query in ("", "?page=0", "?page=x"):
            self.assertEqual(self.sim.get("cost.api/list" + query).status, 400)
        one = self.sim.records("cost.api/list?page=2")[0]
        got = self.sim.get("cost.api/get/" + one.findtext("UUID")).xml()
        self.assertEqual(got.findtext("Cost/Code"), one.findtext("Code"))

    def test_custom_fields(self):
        for dialect in ALL:
            tag = "ID" if dialect.endswith("manager/3.0") else "UUID"
            fields = {f.findtext(tag): f for f in
                      self.sim.records("customfield.api/definition", dialect)}
            self.assertIn("false", {f.findtext("UseJobTime") for f in fields.values()})
            values = []
            for client in self.sim.records("client.api/list", dialect)[:20]:
                values += self.sim.records("client.api/get/%s/customfield"
                                           % client.findtext(tag), dialect)
            self.assertGreater(len(values), 20)
            for value in values:
                kinds = [c.tag for c in value if c.tag not in ("ID", "UUID", "Name")]
                self.assertEqual(kinds, [fields[value.findtext(tag)].findtext("ValueElement")])
                self.assertEqual(fields[value.findtext(tag)].findtext("UseClient"), "true")
            self.assertEqual({v.findtext("Boolean") for v in values} - {None}, {"true"})

    def test_custom_fields_of_everything_else(self):
        job = self.sim.get("job.api/get/J000010").xml().find("Job")
        task = job.findtext("Tasks/Task/UUID")
        entry = self.sim.records("time.api/list?from=20250101&to=20251231")[0].findtext("UUID")
        contact = self.sim.records("client.api/contacts")[0].findtext("UUID")
        for path in ("job.api/get/J000010", "job.api/task/" + task, "time.api/get/" + entry,
                     "client.api/contact/" + contact):
            self.assertEqual(self.sim.get(path + "/customfield").xml().findtext("Status"), "OK")
        answer = self.sim.get("job.api/task/none/customfield").xml()
        self.assertEqual(answer.findtext("ErrorDescription"), "Invalid task identifier")

    def test_groups_and_their_members(self):
        groups = self.sim.records("clientgroup.api/list")
        self.assertTrue(all(g.find("Clients") is None for g in groups))
        clients = self.sim.records("client.api/list?detailed=true")
        sizes = []
        for group in groups:
            key = group.findtext("UUID")
            got = self.sim.get("clientgroup.api/get/" + key).xml()
            members = {c.text for c in got.findall("Group/Clients/Client/UUID")}
            sizes.append(len(members))
            self.assertEqual(members, {c.findtext("UUID") for c in clients if key in [
                g.text for g in c.findall("Groups/Group/UUID")]})
        self.assertGreater(max(sizes), 0)
        self.assertEqual(min(sizes), 0)

    def test_documents_and_costs_of_a_job(self):
        found = {"documents": 0, "costs": 0}
        for job in self.sim.records("job.api/list?from=20250101&to=20251231"):
            number = job.findtext("ID")
            if number.isalnum() and number.isascii():
                for what in found:
                    rows = self.sim.records("job.api/%s/%s" % (what, number))
                    found[what] += len(rows)
                    for row in rows:
                        if what == "documents":
                            self.assertRegex(row.findtext("Date"), r"^\d{8}$")
                        else:
                            self.assertIn(row.findtext("Billable"), ("true", "false"))
        self.assertTrue(all(found.values()), found)

    def test_drafts_are_in_draft_only(self):
        for what, tag, closed in (("invoice", "Status", None), ("quote", "State", "Declined")):
            listed = self.windows(what + ".api/list")
            drafts = self.sim.records(what + ".api/draft")
            current = self.sim.records(what + ".api/current")
            self.assertEqual({d.findtext(tag) for d in drafts}, {"Draft"})
            ids = {r.findtext("ID") for r in listed}
            self.assertFalse(ids & {d.findtext("ID") for d in drafts})
            now = {r.findtext("ID") for r in current}
            self.assertLess(now, ids)
            if closed:
                self.assertNotIn(closed, {r.findtext(tag) for r in current})

    def test_the_short_and_the_long_form_of_invoices(self):
        short = self.windows("invoice.api/list")
        self.assertTrue(all(i.find("Jobs") is None for i in short))
        full = self.windows("invoice.api/list", more="&detailed=true")
        kinds = {"Miscellaneous": [], "other": []}
        for invoice in full:
            name = "Miscellaneous" if invoice.findtext("Type") == "Miscellaneous" else "other"
            kinds[name].append(invoice)
        for invoice in kinds["other"]:
            self.assertIsNone(invoice.find("Tasks"))
            self.assertEqual(invoice.findtext("JobText"), invoice.findtext("Jobs/Job/ID"))
        for invoice in kinds["Miscellaneous"]:
            self.assertIsNone(invoice.find("Jobs"))
            self.assertIsNotNone(invoice.find("Costs/Cost"))
            self.assertEqual(invoice.findtext("JobText"), "")
        lines = [t for i in full for t in i.iter("Task")]
        self.assertIn("", {t.findtext("BillableRate") for t in lines})
        self.assertEqual({t.findtext("Billable") for t in lines}, {"Yes", "No"})

    def test_amounts_add_up(self):
        cents = lambda text: round(float(text) * 100)      # noqa: E731
        for invoice in self.windows("invoice.api/list", more="&detailed=true"):
            self.assertEqual(cents(invoice.findtext("Amount"))
                             + cents(invoice.findtext("AmountTax")),
                             cents(invoice.findtext("AmountIncludingTax")))
            self.assertEqual(cents(invoice.findtext("AmountIncludingTax")),
                             cents(invoice.findtext("AmountPaid"))
                             + cents(invoice.findtext("AmountOutstanding")))
            lines = sum(cents(line.findtext("Amount")) for line in
                        list(invoice.iter("Task")) + list(invoice.iter("Cost")))
            self.assertEqual(lines, cents(invoice.findtext("Amount")))

    def test_an_invoiced_time_entry_names_the_line(self):
        lines = {t.findtext("UUID") for path in ("invoice.api/draft?detailed=true",)
                 for i in self.sim.records(path) for t in i.iter("Task")}
        lines |= {t.findtext("UUID") for i in
                  self.windows("invoice.api/list", more="&detailed=true")
                  for t in i.iter("Task")}
        named = {e.findtext("InvoiceTaskUUID") for e in self.windows("time.api/list")} - {None}
        self.assertGreater(len(named), 100)
        self.assertLessEqual(named, lines)

    def test_invoices_by_number_and_by_job(self):
        invoice = [i for i in self.windows("invoice.api/list") if
                   i.findtext("JobText").startswith("J00")
                   and i.findtext("ID").startswith("INV-")][0]
        number = invoice.findtext("ID")
        got = self.sim.get("invoice.api/get/" + number).xml()
        self.assertEqual(got.findtext("Invoice/InternalUUID"), invoice.findtext("InternalUUID"))
        same = self.sim.records("invoice.api/job/" + invoice.findtext("JobText"))
        self.assertIn(number, [i.findtext("ID") for i in same])
        paid = [i for i in self.windows("invoice.api/list")
                if float(i.findtext("AmountPaid")) and i.findtext("ID").startswith("INV-")][0]
        payments = self.sim.records("invoice.api/payments/" + paid.findtext("ID"))
        self.assertEqual(payments[0].findtext("Amount"), paid.findtext("AmountPaid"))
        self.assertEqual(self.sim.get("invoice.api/get/" + urllib.parse.quote("INV 12/A", "")
                                      ).status, 404)

    def test_quotes(self):
        quote = self.windows("quote.api/list", "workflowmax/3.0")[0]
        for key in (quote.findtext("ID"), quote.findtext("UUID")):
            got = self.sim.get("quote.api/get/" + key, "workflowmax/3.0").xml()
            self.assertEqual(got.findtext("Quote/ID"), quote.findtext("ID"))
            self.assertIsNotNone(got.find("Quote/Tasks"))
        answer = self.sim.get("quote.api/get/" + quote.findtext("UUID")).xml()
        self.assertEqual(answer.findtext("ErrorDescription"), "Invalid quote identifier")
        accepted = {q.findtext("ID") for q in self.windows("quote.api/list")
                    if q.findtext("State") == "Accepted"}
        jobs = {j.findtext("ApprovedQuoteId") for j in
                self.windows("job.api/list", "workflowmax/3.0")} - {None}
        self.assertEqual(jobs, accepted)

    def test_windows_of_invoices_test_their_date(self):
        everything = self.windows("invoice.api/list")
        some = self.sim.records("invoice.api/list?from=20250110&to=20250820")
        self.assertEqual({i.findtext("ID") for i in some}, {
            i.findtext("ID") for i in everything
            if "2025-01-10" <= i.findtext("Date")[:10] <= "2025-08-20"})
        self.assertEqual(self.sim.get("invoice.api/list").status, 400)
        self.assertEqual(self.sim.get("quote.api/list?from=20240101&to=20250101").status, 400)


if __name__ == "__main__":
    unittest.main()
