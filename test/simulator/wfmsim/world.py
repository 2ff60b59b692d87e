"""The generated practice behind one tenant.

A World is made from a seed and sizes, and is the same on every machine for
the same seed, sizes and today's date.  Records are plain dictionaries whose
values are Python values (dates, integers, booleans, strings, references to
other records); None means that the account holds nothing there.  Amounts are
strings with two decimals, as they are sent.  What a dialect makes of a record
is the business of dialects.py.
"""

import bisect
import datetime
import random
import threading

from . import paperwork, words
from .money import amount

DAY = datetime.timedelta(days=1)
HISTORY_YEARS = 4
NULL_DAY = datetime.date(1, 1, 1)
DIRTY_STYLES = ("refs", "crlf", "cdata")


class World:
    """Clients, staff, jobs and time entries of one account."""

    def __init__(self, seed, today, clients, jobs, staff, time, costs=1250, dirty=False):
        self.seed = seed
        self.today = today
        self.first_day = years_before(today, HISTORY_YEARS)
        self.lock = threading.RLock()
        self.version = 0
        self._uuid_random = random.Random("%s/uuid" % seed)
        self._next_id = 0
        self.tables = {}
        self._make_catalogues()
        self._make_staff(max(staff, 1))
        self._make_clients(max(clients, 1))
        self._make_jobs(jobs)
        self._make_time(time)
        paperwork.make(self, costs)
        if dirty:
            self._soil()
        self._indexes = {}

    # -- small helpers ----------------------------------------------------

    def _random(self, section):
        return random.Random("%s/%s" % (self.seed, section))

    def _uuid(self, source=None):
        return format_uuid((source or self._uuid_random).getrandbits(128))

    def _legacy_id(self, base):
        self._next_id += 1
        return base + self._next_id * 3

    def random(self, section):
        """The source of chance of one part of the data."""
        return self._random(section)

    def new_uuid(self, source=None):
        return self._uuid(source)

    def new_legacy_id(self, near):
        """An integer id no record has."""
        return self._legacy_id(near + 10 ** 8)

    def get(self, table, attr, value):
        """The record of a table whose attribute has this value, or None."""
        with self.lock:
            key = (table, attr, self.version)
            index = self._indexes.get(key)
            if index is None:
                index = {}
                for record in self.tables[table]:
                    index.setdefault(record[attr], record)
                self._indexes[key] = index
            return index.get(value)

    def group(self, table, attr):
        """Dictionary from the identity of a referenced record to records."""
        with self.lock:
            key = (table, attr, "group", self.version)
            index = self._indexes.get(key)
            if index is None:
                index = {}
                for record in self.tables[table]:
                    ref = record[attr]
                    if ref is not None:
                        index.setdefault(id(ref), []).append(record)
                self._indexes[key] = index
            return index

    def changed(self):
        """Tell caches that records have changed."""
        with self.lock:
            self.version += 1
            self._indexes = {}

    # -- the tables -------------------------------------------------------

    def _named(self, section, names, base):
        source = self._random(section)
        return [{"uuid": self._uuid(source), "legacy_id": self._legacy_id(base),
                 "name": name} for name in names]

    def _make_catalogues(self):
        self.tables["category"] = self._named("category", words.CATEGORIES, 304000)
        self.tables["template"] = self._named("template", words.TEMPLATES, 1254000)
        self.tables["job_state"] = self._named(
            "job_state", [name for name, _ in words.JOB_STATES], 5000)
        tasks = self._named("task", [name for name, _ in words.TASKS], 77000)
        for record, (_, description) in zip(tasks, words.TASKS):
            record["description"] = description
        self.tables["task"] = tasks

    def _make_staff(self, count):
        source = self._random("staff")
        rows = []
        for number in range(count):
            first = source.choice(words.FIRST_NAMES)
            last = source.choice(words.LAST_NAMES)
            name = "%s %s" % (first, last)
            if number and source.random() < 0.08:
                name = rows[-1]["name"]
            rows.append({
                "uuid": self._uuid(source),
                "legacy_id": self._legacy_id(858000),
                "name": name,
                "email": "staff%d@example.com" % (number + 1),
                "phone": phone(source, 0.4),
                "mobile": phone(source, 0.5),
                "address": address(source) if source.random() < 0.3 else "",
                "payroll_code": "P%03d" % number if source.random() < 0.5 else "",
                "serial": 708600 + number,
            })
        self.tables["staff"] = rows

    def _make_clients(self, count):
        source = self._random("clients")
        rows = []
        for number in range(count):
            rows.append(self._client(source, number, rows))
        self.tables["client"] = rows
        contacts = []
        for row in rows:
            contacts.extend(row["contacts"])
        self.tables["contact"] = contacts

    def _client(self, source, number, before):
        person = source.random() < 0.3
        first = source.choice(words.FIRST_NAMES)
        last = source.choice(words.LAST_NAMES)
        if person:
            name = "%s, %s" % (last, first)
        else:
            name = "%s %s" % (source.choice(words.COMPANY_STEMS),
                              source.choice(words.COMPANY_ENDINGS))
        if before and source.random() < 0.03:
            name = source.choice(before)["name"]
        city, region, post_code, country = source.choice(words.CITIES)
        postal = source.choice(words.CITIES) if source.random() < 0.4 else ("",) * 4
        roll = source.random()
        staff = self.tables["staff"]
        practice = source.random() < 0.83
        modified = (datetime.datetime.combine(self.first_day, datetime.time())
                    + datetime.timedelta(seconds=source.randrange(
                        max(1, (self.today - self.first_day).days) * 86400)))
        record = {
            "uuid": self._uuid(source),
            "legacy_id": self._legacy_id(24097000),
            "serial": 28880000 + number,
            "name": name,
            "title": source.choice(words.SALUTATIONS) or None if person else None,
            "gender": source.choice(("Male", "Female"))
            if person and source.random() < 0.5 else None,
            "first_name": first if person else None,
            "middle_name": source.choice(words.FIRST_NAMES)
            if person and source.random() < 0.2 else None,
            "last_name": last if person else None,
            "other_name": "Ace" if person and source.random() < 0.1 else None,
            "email": "client%d@example.com" % number if source.random() < 0.4 else None,
            "date_of_birth": datetime.date(1935, 1, 1) + DAY * source.randrange(27000)
            if person and source.random() < 0.6 else None,
            "address": address(source) if source.random() < 0.7 else "",
            "city": city, "region": region, "post_code": post_code, "country": country,
            "postal_address": address(source) if postal[0] else "",
            "postal_city": postal[0], "postal_region": postal[1],
            "postal_post_code": postal[2], "postal_country": postal[3],
            "phone": phone(source, 0.6), "fax": phone(source, 0.1),
            "website": "https://www.client%d.example.com/?a=1&b=2" % number
            if source.random() < 0.3 else "",
            "referral_source": source.choice(words.REFERRALS),
            "export_code": "EX-%04d" % number if source.random() < 0.3 else "",
            "is_prospect": source.random() < 0.1,
            "is_archived": roll < 0.12,
            "is_deleted": 0.12 <= roll < 0.15,
            "account_manager": source.choice(staff) if source.random() < 0.25 else None,
            "job_manager": source.choice(staff) if source.random() < 0.2 else None,
            "type": {
                "name": source.choice(("20th of Month", "Net 14 & fast", "Standard")),
                "cost_markup": amount(source.randrange(0, 5000)),
                "payment_term": source.choice(("DayOfMonth", "WithinDays")),
                "payment_day": source.randrange(1, 31),
            } if source.random() < 0.35 else None,
            "billing_client": source.choice(before)
            if before and source.random() < 0.05 else None,
            "practice": practice,
            "tax_number": "******%03d" % source.randrange(1000)
            if source.random() < 0.5 else "",
            "company_number": str(source.randrange(10 ** 6, 10 ** 7))
            if not person and source.random() < 0.6 else "",
            "business_number": str(source.randrange(10 ** 12, 10 ** 13))
            if source.random() < 0.3 else "",
            "business_structure": source.choice(("Individual", "Company", "Trust"))
            if source.random() < 0.5 else None,
            "balance_month": source.randrange(1, 13) if source.random() < 0.3 else None,
            "branch_number": "1" if source.random() < 0.2 else "",
            "gst_registered": source.random() < 0.5,
            "prepare_gst": source.random() < 0.3,
            "signed_tax_authority": source.random() < 0.3,
            "agency_status": source.choice(("Unlinked", "With EOT", "Without EOT")),
            "prepare_activity_statement": source.random() < 0.2,
            "prepare_tax_return": source.random() < 0.2,
            "active_ato_client": source.random() < 0.1,
            "gst_period": source.choice(("Monthly", "2 Monthly", "6 Monthly"))
            if source.random() < 0.3 else None,
            "gst_basis": source.choice(("Invoice", "Payment", "Hybrid"))
            if source.random() < 0.3 else None,
            "return_type": source.choice(("IR3", "IR4", "IR6"))
            if source.random() < 0.2 else None,
            "client_code": "CC%05d" % number if source.random() < 0.2 else None,
            "industry": source.choice(("Farming & forestry", "IT", "Gastgewerbe"))
            if source.random() < 0.2 else None,
            "date_of_death": self.first_day + DAY * source.randrange(1000)
            if person and source.random() < 0.1 else None,
            "place_of_birth_city": "Kraków" if person and source.random() < 0.2 else None,
            "place_of_birth_country_code": "PL" if person and source.random() < 0.2 else None,
            "provisional_tax_basis": source.choice(("Standard Option", "Ratio Option"))
            if source.random() < 0.2 else None,
            "provisional_tax_ratio": amount(source.randrange(1, 10000))
            if source.random() < 0.1 else None,
            "tax_agent": "Ngata & Partners" if source.random() < 0.2 else None,
            "bank_name": "Kiwibank" if source.random() < 0.2 else None,
            "bank_bsb": "06%04d" % source.randrange(10000)
            if source.random() < 0.2 else None,
            "bank_account_name": name if source.random() < 0.2 else None,
            "bank_account_number": "%07d" % source.randrange(10 ** 7)
            if source.random() < 0.2 else None,
            "contacts": [],
            "notes": [],
            "groups": [],
            "relationships": [],
            "modified": modified.replace(microsecond=0),
        }
        for index in range(source.choice((0, 0, 1, 1, 1, 2, 3))):
            record["contacts"].append({
                "uuid": self._uuid(source),
                "legacy_id": self._legacy_id(14436000),
                "name": "%s %s" % (source.choice(words.FIRST_NAMES),
                                   source.choice(words.LAST_NAMES)),
                "mobile": phone(source, 0.5),
                "email": "contact%d.%d@example.com" % (number, index)
                if source.random() < 0.7 else "",
                "phone": phone(source, 0.3),
                "position": source.choice(words.ROLES),
                "salutation": source.choice(words.SALUTATIONS),
                "addressee": "",
                "is_primary": index == 0,
                "is_deleted": source.random() < 0.05,
            })
        for _ in range(source.choice((0, 0, 0, 1, 2))):
            record["notes"].append({
                "title": source.choice(words.NOTE_LINES),
                "text": source.choice(words.PARAGRAPHS),
                "folder": source.choice(words.FOLDERS),
                "date": modified.replace(microsecond=0)
                - datetime.timedelta(minutes=source.randrange(5000)),
                "created_by": source.choice(staff)["name"],
            })
        return record

    def _make_jobs(self, count):
        source = self._random("jobs")
        span = (self.today - self.first_day).days
        numbers = self._job_numbers(source, count)
        edges = edge_days(self.first_day, self.today)
        starts = sorted(
            edges[:count] if count <= len(edges) else
            edges + [self.first_day + DAY * source.randrange(span + 120)
                     for _ in range(count - len(edges))])
        rows = [self._job(source, index, numbers[index], start)
                for index, start in enumerate(starts)]
        self.tables["job"] = rows

    def _job_numbers(self, source, count):
        numbers = ["J%06d" % (index + 1) for index in range(count)]
        odd = words.ODD_JOB_NUMBERS
        if count >= 4 * len(odd):
            # J000010 stays, so that its lower-case twin has somebody to be
            # mistaken for
            places = source.sample([n for n in range(count) if n != 9], len(odd))
            for place, number in zip(places, odd):
                numbers[place] = number
        return numbers

    def _job(self, source, index, number, start):
        staff = self.tables["staff"]
        client = source.choice(self.tables["client"])
        created = (datetime.datetime.combine(start, datetime.time(source.randrange(24),
                                                                  source.randrange(60),
                                                                  source.randrange(60)))
                   - datetime.timedelta(days=source.choice((0, 0, 1, 3, 10, 40, 200))))
        earliest = datetime.datetime.combine(self.first_day, datetime.time(0, 0, 1))
        latest = datetime.datetime.combine(self.today, datetime.time(0, 0, 1))
        created = min(max(created, earliest), latest)
        due = start + DAY * source.randrange(0, 120)
        age = (self.today - start).days
        finished = source.random() < min(0.9, max(0, age) / 700.0)
        if finished:
            state = source.choices(("Completed", "Archived", "Cancelled"), (8, 3, 1))[0]
            completed = min(start + DAY * source.randrange(0, max(1, age + 1)), self.today)
            if state == "Cancelled":
                completed = None
        else:
            state = source.choices(("Planned", "In Progress", "Awaiting Accept",
                                    "On Hold"), (3, 5, 1, 1))[0]
            completed = None
        description = ""
        roll = source.random()
        if roll < 0.5:
            description = source.choice(words.PARAGRAPHS).strip()
        elif roll < 0.6:
            description = "".join(source.choices(words.PARAGRAPHS, k=6)).strip()
        if index % 400 == 7:
            description = long_text(source, 4135)
        contacts = client["contacts"]
        team = source.sample(staff, min(len(staff), source.choice((0, 1, 1, 2, 3))))
        record = {
            "id": number,
            "uuid": self._uuid(source),
            "internal_id": self._legacy_id(40615000),
            "serial": 116000 + index,
            "name": source.choice(words.JOB_NAMES),
            "description": description,
            "client": client,
            "client_order_number": "PO-%d" % source.randrange(9999)
            if source.random() < 0.3 else "",
            "budget": amount(source.randrange(-50000, 5000000))
            if source.random() < 0.97 else None,
            "state": state,
            "open": dict(words.JOB_STATES)[state],
            "type": source.choice(words.CATEGORIES) if source.random() < 0.84 else None,
            "start_date": start,
            "due_date": due,
            "completed_date": completed,
            "created": created,
            "modified": min(created + datetime.timedelta(
                seconds=source.randrange(1, 90 * 86400)), latest),
            "approved_quote_id": None,
            "approved_quote_uuid": None,
            "contact": source.choice(contacts)
            if contacts and source.random() < 0.5 else None,
            "manager": source.choice(staff) if source.random() < 0.8 else None,
            "partner": source.choice(staff) if source.random() < 0.2 else None,
            "assigned": [{"staff": person, "allocated_minutes": None} for person in team],
            "tasks": [], "milestones": [], "notes": [],
        }
        for task in source.sample(self.tables["task"], source.choice((1, 2, 3, 4))):
            planned = source.random() < 0.3
            record["tasks"].append({
                "uuid": self._uuid(source),
                "legacy_id": self._legacy_id(9100000),
                "task_uuid": task["uuid"], "task_legacy_id": task["legacy_id"],
                "name": task["name"],
                "estimated_minutes": source.choice((0, 60, 180, 480)),
                "actual_minutes": 0,
                "description": task["description"],
                "completed": finished or source.random() < 0.2,
                "billable": source.random() < 0.85,
                "folder": source.choice(words.FOLDERS),
                "start_date": start if planned else None,
                "due_date": due if planned else None,
                "assigned": [{"staff": person, "allocated_minutes": source.choice((0, 60, 180))}
                             for person in team[:source.choice((0, 1, 2))]],
            })
        for _ in range(source.choice((0, 0, 0, 1, 2))):
            record["milestones"].append({
                "uuid": self._uuid(source), "legacy_id": self._legacy_id(5500000),
                "date": due, "description": source.choice(words.NOTE_LINES),
                "completed": finished, "folder": source.choice(words.FOLDERS),
            })
        for _ in range(source.choice((0, 0, 0, 0, 1, 2))):
            when = created + datetime.timedelta(seconds=source.randrange(1, 10 ** 6))
            record["notes"].append({
                "uuid": self._uuid(source), "legacy_id": self._legacy_id(6600000),
                "title": source.choice(words.NOTE_LINES),
                "text": source.choice(words.PARAGRAPHS),
                "folder": source.choice(words.FOLDERS),
                "date": when,
                "created_by": source.choice(staff)["name"],
                "comments": [{
                    "uuid": self._uuid(source), "legacy_id": self._legacy_id(6700000),
                    "text": source.choice(words.NOTE_LINES),
                    "date": when + datetime.timedelta(hours=1),
                    "created_by": source.choice(staff)["email"],
                }] if source.random() < 0.3 else [],
            })
        return record

    def _make_time(self, count):
        source = self._random("time")
        jobs = self.tables["job"]
        if not jobs:
            self.tables["time"] = []
            return
        starts = [job["start_date"] for job in jobs]
        span = (self.today - self.first_day).days + 1
        edges = edge_days(self.first_day, self.today)
        days = (edges * 3)[:count] if count >= 20 else edges[:count]
        days += [self.first_day + DAY * source.randrange(span)
                 for _ in range(count - len(days))]
        days.sort()
        staff = self.tables["staff"]
        rows = []
        bits, choice, uniform = source.getrandbits, source.choice, source.random
        for day in days:
            newest = max(1, bisect.bisect_right(starts, day))
            job = jobs[max(0, newest - 1 - int(newest * uniform() * uniform()))]
            task = choice(job["tasks"])
            minutes = choice((15, 30, 30, 45, 60, 60, 90, 120, 240, 480))
            roll = uniform()
            if roll < 0.01:
                minutes = 0
            elif roll < 0.02:
                minutes = -minutes
            start = end = None
            if minutes > 0 and uniform() < 0.15:
                begin = choice((0, 420, 495, 540, 780, 815))
                start, end = begin, begin + minutes
            rows.append({
                "uuid": format_uuid(bits(128)),
                "legacy_id": self._legacy_id(70000000),
                "job": job,
                "task": task,
                "staff": choice(staff),
                "date": day,
                "minutes": minutes,
                "note": choice(words.NOTE_LINES) if uniform() < 0.46 else "",
                "billable": uniform() < 0.8,
                "start": start,
                "end": end,
                "invoice_task_uuid": None,      # paperwork.py
            })
            task["actual_minutes"] += minutes
        self.tables["time"] = rows

    def _soil(self):
        """Values that were never recorded but that XML and the API allow."""
        source = self._random("dirt")
        half_past_one = datetime.time(13, 30)
        for job in self.tables["job"]:
            roll = source.random()
            if roll < 0.02:
                job["due_date"] = NULL_DAY
            elif roll < 0.03 and job["completed_date"]:
                job["completed_date"] = NULL_DAY
            elif roll < 0.05:
                job["due_date"] = datetime.datetime.combine(job["due_date"], half_past_one)
            if job["budget"] and source.random() < 0.05:
                job["budget"] = job["budget"].split(".")[0]
            if source.random() < 0.2:
                job["description"] = dirty_text(job["description"],
                                                source.choice(DIRTY_STYLES))
        for client in self.tables["client"]:
            if client["date_of_birth"] and source.random() < 0.1:
                client["date_of_birth"] = NULL_DAY
            for name in ("name", "address"):
                if source.random() < 0.1:
                    client[name] = dirty_text(client[name], source.choice(DIRTY_STYLES))
        for entry in self.tables["time"]:
            roll = source.random()
            if roll < 0.003:
                entry["date"] = datetime.datetime.combine(entry["date"], half_past_one)
            elif roll < 0.05:
                entry["note"] = dirty_text(entry["note"], source.choice(DIRTY_STYLES))


class DirtyText(str):
    """Text that is written in an unusual way; as a value it is the same.

    style   refs   non-ASCII characters as numeric references
            crlf   line breaks as CR LF, which XML readers make LF
            cdata  in a CDATA section
    """
    style = "refs"


def dirty_text(text, style):
    made = DirtyText(text)
    made.style = style
    return made


def format_uuid(bits):
    """A version 4 UUID from 128 random bits."""
    text = "%032x" % bits
    return "%s-%s-4%s-%s%s-%s" % (text[:8], text[8:12], text[13:16],
                                  "89ab"[int(text[16], 16) & 3], text[17:20], text[20:])


def phone(source, chance):
    if source.random() >= chance:
        return ""
    return "(0%d) %03d-%04d" % (source.randrange(2, 9), source.randrange(1000),
                                source.randrange(10000))


def address(source):
    text = "%d %s" % (source.randrange(1, 400), source.choice(words.STREETS))
    if source.random() < 0.4:
        text = "Level %d\n%s" % (source.randrange(1, 40), text)
    return text


def long_text(source, length):
    text = ""
    while len(text) < length:
        text += source.choice(words.PARAGRAPHS)
    return text[:length - 1] + "."


def years_before(day, years):
    """The same day some years earlier (28 February for 29 February)."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def edge_days(first, last):
    """Days on which windows are cut: both ends, year ends, leap days."""
    days = {first, first + DAY, last, last - DAY}
    for year in range(first.year, last.year + 1):
        days.update((datetime.date(year, 1, 1), datetime.date(year, 12, 31),
                     datetime.date(year, 2, 28), datetime.date(year, 3, 1)))
        try:
            days.add(datetime.date(year, 2, 29))
        except ValueError:
            pass
    return sorted(day for day in days if first <= day <= last)
