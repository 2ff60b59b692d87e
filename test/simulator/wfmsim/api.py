"""The data API: finds the records a request asks for and renders them."""

import base64
import bisect
import datetime
import gzip
import json
import random
import re
import threading
import urllib.parse
from collections import OrderedDict

from . import dialects, jsonout, paperwork, xmlout
from .httpd import Response
from .world import DAY, years_before

PLAIN_NUMBER = re.compile(r"[A-Za-z0-9_-]+\Z")
CACHE_FROM = 16 * 1024
# Of longer lists the answer is kept at most, not the text of each record.
KEEP_UP_TO = 50000
CACHE_BYTES = 128 * 1024 * 1024
# Every parameter some endpoint knows, in lower case; others are ignored.
PARAMETERS = {"from", "to", "detailed", "modifiedsince", "modifiedsinceutc", "page", "pagesize",
              "pagetoken", "query", "complete", "due", "start", "clientuuid", "fields"}


class Switches:
    """What nobody outside the vendor knows, and how answers are written."""

    CHOICES = {
        "to": ("inclusive", "exclusive"),
        "job_window": ("created", "start"),
        "odd_job_numbers": ("404", "ok"),
        "client_jobs": ("all", "current"),
        "fields": ("ignored", "honoured"),
        "paging": ("reported", "capped", "silent", "ignored"),
    }
    FLAGS = ("shuffle", "pretty", "declaration")

    def __init__(self):
        self.to = "inclusive"
        self.job_window = "created"
        self.odd_job_numbers = "404"
        self.client_jobs = "all"
        self.fields = "ignored"
        self.paging = "reported"
        self.window_zone = 0.0
        self.most_a_page = 0
        self.shuffle = False
        self.pretty = False
        self.declaration = False
        self.version = 0

    def set(self, changes):
        """Change switches; all of them or, with a wrong one, none."""
        checked = {}
        for name, value in changes.items():
            if name in self.CHOICES:
                if value not in self.CHOICES[name]:
                    raise ValueError("%s must be one of %s"
                                     % (name, ", ".join(self.CHOICES[name])))
                checked[name] = value
            elif name in self.FLAGS:
                checked[name] = bool(value)
            elif name == "window_zone":
                checked[name] = float(value)
            elif name == "most_a_page":
                checked[name] = int(value)
            else:
                raise ValueError("no such switch: %s" % name)
        for name, value in checked.items():
            setattr(self, name, value)
        self.version += 1

    def state(self):
        names = tuple(self.CHOICES) + self.FLAGS + ("window_zone", "most_a_page")
        return {name: getattr(self, name) for name in names}

    def page_size(self, asked):
        """How many records a page gets for which so many were asked."""
        return min(asked, self.most_a_page) if self.most_a_page > 0 else asked


class Packed:
    """A body that is compressed when somebody first wants it so."""

    def __init__(self, body):
        self.body = body
        self._packed = None

    def __call__(self):
        if self._packed is None:
            self._packed = gzip.compress(self.body, 1)
        return self._packed


class Refused(Exception):
    """The application does not do what was asked: a text for the caller."""

    def __init__(self, text, status=200):
        super().__init__(text)
        self.text = text
        self.status = status


class Call:
    """One request to the data API, with what is known about it."""

    def __init__(self, dialect, endpoint, world, request, key, fields_parameter):
        self.dialect = dialect
        self.letter = dialect.letter
        self.endpoint = endpoint
        self.world = world
        self.request = request
        self.key = key
        self.out = jsonout if wants_json(dialect, request) else xmlout
        self.params = {name.lower(): value for name, value in request.params()}
        self.wanted = None
        if fields_parameter and dialect.json_feature and self.params.get("fields"):
            self.wanted = tuple(sorted(
                name.strip().lower() for name in self.params["fields"].split(",")))

    def flag(self, name):
        return self.params.get(name, "").lower() == "true"

    def fields(self, resource):
        """The fields of a resource, or those of them that `fields` names."""
        if self.wanted is None:
            return resource.fields
        return tuple(f for f in resource.fields
                     if (f.json or jsonout.camel(f.element)).lower() in self.wanted)


class Api:
    """Answers for every dialect; one object serves all threads."""

    def __init__(self, switches):
        self.switches = switches
        self._lock = threading.Lock()
        self._rendered = {}
        self._renderers = {}
        self._answers = OrderedDict()
        self._answer_bytes = 0
        self._orders = {}
        self._routes = []
        for endpoint in dialects.ENDPOINTS:
            pattern = re.escape(endpoint.path).replace(r"\{key\}", "([^/]+)")
            self._routes.append((re.compile(pattern + r"\Z", re.I), endpoint))

    # -- dispatch ---------------------------------------------------------

    def find(self, dialect, rest):
        """(endpoint, raw key) for a path below the dialect's base, or None."""
        for pattern, endpoint in self._routes:
            if dialect.letter in endpoint.on:
                match = pattern.match(rest)
                if match:
                    return endpoint, match.group(1) if match.groups() else None
        return None

    def answer(self, dialect, world, request, rest):
        """The response to a request that passed every gate before."""
        found = self.find(dialect, rest)
        if found is None:
            return problem(404, "Not Found", "ResourceNotFound", "")
        endpoint, key = found
        if request.method != "GET":
            return Response(405, b"", [("allow", "GET")])
        cache_key = (dialect.letter, id(world), world.version, self.switches.version,
                     endpoint.path, key, request.header("host"),
                     wants_json(dialect, request),
                     tuple(sorted((name.lower(), value) for name, value in request.params()
                                  if name.lower() in PARAMETERS)))
        cached = self._cached(cache_key)
        if cached is not None:
            return cached
        call = Call(dialect, endpoint, world, request,
                    None if key is None else urllib.parse.unquote(key),
                    self.switches.fields == "honoured")
        status = 200
        try:
            body = getattr(self, endpoint.handler)(call)
        except Refused as refused:
            status = refused.status
            body = call.out.error(endpoint.method, refused.text)
        except OddNumber:
            return Response(404, NOT_FOUND_PAGE, content_type="text/html")
        if call.out is xmlout and self.switches.pretty:
            body = xmlout.pretty(body)
        if call.out is xmlout and self.switches.declaration:
            body = xmlout.DECLARATION + body
        response = Response(status, body, content_type=call.out.CONTENT_TYPE)
        if len(body) >= CACHE_FROM:
            self._remember(cache_key, response)
        return response

    def _cached(self, key):
        with self._lock:
            hit = self._answers.get(key)
            if hit is None:
                return None
            self._answers.move_to_end(key)
        status, packed, content_type = hit
        return Response(status, packed.body, content_type=content_type, gzipped=packed)

    def _remember(self, key, response):
        response.gzipped = Packed(response.body)
        with self._lock:
            if key not in self._answers:
                self._answers[key] = (response.status, response.gzipped,
                                      response.content_type)
                self._answer_bytes += len(response.body)
            while self._answer_bytes > CACHE_BYTES and len(self._answers) > 1:
                _, (_, packed, _) = self._answers.popitem(last=False)
                self._answer_bytes -= len(packed.body)

    # -- rendering --------------------------------------------------------

    def _render(self, call, resource_name, records, form="short"):
        """The texts of records, each rendered once and kept."""
        resource = dialects.RESOURCES[resource_name]
        share = 1.0 if self.switches.shuffle else 0.05
        key = (resource_name, call.letter, form, share, id(call.world), call.world.version,
               call.out, call.wanted)
        with self._lock:
            kept = self._rendered.get(key)
            if kept is None:
                for old in [k for k in self._rendered
                            if k[4] == key[4] and k[5] != key[5]]:
                    del self._rendered[old]
                kept = self._rendered[key] = {}
            renderer = self._renderers.get(key[:4] + key[6:])
            if renderer is None:
                renderer = self._renderers[key[:4] + key[6:]] = call.out.Renderer(
                    resource.element, call.fields(resource), call.letter, form, share)
        if len(records) > KEEP_UP_TO:
            return [renderer.record(record) for record in records]
        out = []
        for record in records:
            text = kept.get(id(record))
            if text is None:
                text = kept[id(record)] = renderer.record(record)
            out.append(text)
        return out

    def _list(self, call, records, form="short", extras=None, resource_name=None):
        name = resource_name or call.endpoint.resource
        if self.switches.shuffle:
            records = shuffled(records, call)
        items = self._render(call, name, records, form)
        return call.out.whole_list(call.endpoint.method, dialects.RESOURCES[name].collection,
                                   items, extras or {})

    def _one(self, call, record):
        name = call.endpoint.resource
        item, = self._render(call, name, [record], "full")
        return call.out.single(call.endpoint.method, dialects.RESOURCES[name].element, item)

    # -- parameters -------------------------------------------------------

    def _find(self, call, table, what, key=None):
        """The record a path names, or the vendor's error."""
        key = call.key if key is None else key
        record = None
        if call.dialect.key == "legacy_id":
            if key.isdigit():
                record = call.world.get(table, "legacy_id", int(key))
        else:
            record = call.world.get(table, "uuid", key.lower())
        if record is None:
            raise Refused("Invalid %s identifier" % what)
        return record

    def _find_job(self, call):
        return self._by_number(call, "job")

    def _by_number(self, call, table):
        """The record with the number people gave it: job, invoice, quote."""
        number = call.key
        if not PLAIN_NUMBER.match(number) and self.switches.odd_job_numbers == "404":
            raise OddNumber()
        record = call.world.get(table, "id", number)
        if record is None:
            raise Refused("Invalid %s identifier" % table.replace("_", " "))
        return record

    def _day(self, call, name):
        text = call.params.get(name)
        if text is None or text == "":
            return None
        if not re.fullmatch(r"\d{8}", text, re.ASCII):
            raise Refused("The %s parameter is not a date (yyyyMMdd)" % name,
                          call.dialect.window_required)
        try:
            return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            raise Refused("The %s parameter is not a date (yyyyMMdd)" % name,
                          call.dialect.window_required) from None

    def _window(self, call, required=True):
        """(from, to) of the request, checked as the dialect checks them."""
        first, last = self._day(call, "from"), self._day(call, "to")
        status = call.dialect.window_required
        if required and (first is None or last is None):
            raise Refused("The from and to parameters are required", status)
        first, last = first or EARLIEST, last or LATEST
        if last < first:
            raise Refused("The from date must not be after the to date", status)
        if required and call.dialect.window_one_year and last >= one_year_after(first):
            raise Refused("The date range must be less than one year", status)
        return first, last

    def _in_window(self, call, table, attr, first, last, records=None):
        """Records whose date lies in the window, as the switches read it."""
        zone = datetime.timedelta(hours=self.switches.window_zone)
        end = last + DAY if self.switches.to == "inclusive" else last
        if records is not None:
            return [r for r in records if first <= window_day(r[attr], zone) < end]
        key = (id(call.world), call.world.version, table, attr, zone)
        with self._lock:
            order = self._orders.get(key)
        if order is None:
            pairs = sorted(((window_day(r[attr], zone), n) for n, r in
                            enumerate(call.world.tables[table])))
            rows = call.world.tables[table]
            order = [day for day, _ in pairs], [rows[n] for _, n in pairs]
            with self._lock:
                for old in [k for k in self._orders if k[0] == key[0] and k[1] != key[1]]:
                    del self._orders[old]
                self._orders[key] = order
        days, rows = order
        return rows[bisect.bisect_left(days, first):bisect.bisect_left(days, end)]

    def _since(self, call, name):
        text = call.params.get(name)
        if not text:
            return None
        try:
            return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
        except ValueError:
            raise Refused("The %s parameter is not a date-time (yyyy-MM-ddTHH:mm:ss)"
                          % name, call.dialect.window_required) from None

    # -- handlers ---------------------------------------------------------

    def whole_table(self, call):
        return self._list(call, call.world.tables[
            dialects.RESOURCES[call.endpoint.resource].table])

    def get_by_key(self, call):
        name = call.endpoint.resource
        return self._one(call, self._find(call, name, CALLED.get(name, name)))

    def client_list(self, call):
        records = call.world.tables["client"]
        since = self._since(call, "modifiedsince")
        if since is not None:
            records = [r for r in records if r["modified"] >= since]
        form = "full" if call.flag("detailed") else "short"
        if call.letter == "B":
            return self._numbered(call, records, form)
        return self._list(call, records, form)

    def _numbered(self, call, records, form):
        """A page of bluerock/1: the first hundred when none is asked for."""
        extras = {}
        try:
            page = int(call.params.get("page", 1))
            size = int(call.params.get("pagesize", 100 if "page" not in call.params else 1000))
        except ValueError:
            raise Refused("Invalid page", call.dialect.window_required) from None
        if page < 1 or size < 1:
            raise Refused("Invalid page", call.dialect.window_required)
        size = self.switches.page_size(size)
        if self.switches.paging == "capped":
            size = min(size, 5)
        if self.switches.paging == "ignored":
            return self._list(call, records, form)
        if ("page" in call.params or "pagesize" in call.params) and \
                self.switches.paging != "silent":
            extras = {"Page": page, "PageSize": size, "TotalRecords": len(records)}
        return self._list(call, records[(page - 1) * size:page * size], form, extras)

    def client_search(self, call):
        query = call.params.get("query", "")
        if not query:
            raise Refused("The query parameter is required", call.dialect.window_required)
        wanted = query.casefold()
        records = [r for r in call.world.tables["client"] if not r["is_deleted"]
                   and any(wanted in (r[a] or "").casefold() for a in SEARCHED)]
        return self._list(call, records, "full" if call.flag("detailed") else "short")

    def client_paged_list(self, call):
        records = [r for r in call.world.tables["client"]
                   if not r["is_archived"] and not r["is_deleted"]]
        return self._paged(call, records, "base")

    def contact_list(self, call):
        return self._paged(call, call.world.tables["contact"], "short")

    def _paged(self, call, records, form):
        text = call.params.get("pagesize", "50")
        if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= 500:
            raise Refused("pageSize must be between 1 and 500", 400)
        size = self.switches.page_size(int(text))
        start = 0
        token = call.params.get("pagetoken")
        if token:
            try:
                start = int(base64.urlsafe_b64decode(token.encode()).decode().split(":")[1])
            except (ValueError, IndexError, UnicodeDecodeError):
                raise Refused("Invalid pageToken", 400) from None
        links = {"First": self._link(call, size, 0)}
        if start + size < len(records):
            links["Next"] = self._link(call, size, start + size)
        return self._list(call, records[start:start + size], form,
                          {"Pagination": {"Links": links}})

    @staticmethod
    def _link(call, size, start):
        request = call.request
        link = "%s://%s%s?pageSize=%d" % (request.scheme, request.header("host", ""),
                                          request.raw_path, size)
        if start:
            token = base64.urlsafe_b64encode(("page:%d" % start).encode()).decode()
            link += "&pageToken=" + urllib.parse.quote(token)
        return link

    def contact_get(self, call):
        record = self._find(call, "contact", "contact")
        if "clientuuid" in call.params and call.letter == "X":
            # through a client: with IsPrimary and Position
            renderer = call.out.Renderer("Contact", dialects.CONTACT, call.letter, "full")
            return call.out.single(call.endpoint.method, "Contact", renderer.record(record))
        return self._one(call, record)

    def job_list(self, call):
        first, last = self._window(call)
        attr = "created" if self.switches.job_window == "created" else "start_date"
        records = self._in_window(call, "job", attr, first, last)
        records = self._jobs_since(call, records)
        return self._list(call, records, "full" if call.flag("detailed") else "short")

    def job_current(self, call):
        records = [r for r in call.world.tables["job"] if r["open"]]
        records = self._jobs_since(call, records)
        if call.letter in "WB" and "page" in call.params:
            records = self._page_of(call, records)
        return self._list(call, records, "full" if call.flag("detailed") else "short")

    @staticmethod
    def _page_of(call, records):
        """The part of a list that page and pagesize ask for."""
        try:
            page = int(call.params["page"])
            size = int(call.params.get("pagesize", 1000))
        except ValueError:
            raise Refused("Invalid page", call.dialect.window_required) from None
        if page < 1 or size < 1:
            raise Refused("Invalid page", call.dialect.window_required)
        return records[(page - 1) * size:page * size]

    def _jobs_since(self, call, records):
        if call.letter not in "WB":
            return records
        since = self._since(call, "modifiedsinceutc")
        if since is None:
            return records
        return [r for r in records if r["modified"] >= since]

    def job_get(self, call):
        return self._one(call, self._find_job(call))

    def job_by_staff(self, call):
        person = self._find(call, "staff", "staff")
        records = [r for r in call.world.tables["job"] if r["open"]
                   and any(a["staff"] is person for a in r["assigned"])]
        short = call.letter == "X"
        return self._list(call, records, resource_name="job_short" if short else None)

    def job_by_client(self, call):
        client = self._find(call, "client", "client")
        records = call.world.group("job", "client").get(id(client), [])
        if self.switches.client_jobs == "current":
            records = [r for r in records if r["open"]]
        return self._list(call, records, "full" if call.flag("detailed") else "short")

    def job_tasks(self, call):
        complete = call.params.get("complete", "").lower()
        due, start = self._day(call, "due"), self._day(call, "start")
        records = []
        for job in call.world.tables["job"]:
            if not job["open"]:
                continue
            tasks = [t for t in job["tasks"]
                     if (complete not in ("true", "false")
                         or t["completed"] == (complete == "true"))
                     and (due is None or t["due_date"] is not None and t["due_date"] <= due)
                     and (start is None
                          or t["start_date"] is not None and t["start_date"] >= start)]
            if tasks:
                records.append(dict(job, tasks=tasks))
        return self._fresh(call, records)

    def time_list(self, call):
        first, last = self._window(call)
        return self._list(call, self._in_window(call, "time", "date", first, last))

    def time_by_job(self, call):
        job = self._find_job(call)
        first, last = self._window(call, required=False)
        records = call.world.group("time", "job").get(id(job), [])
        if "from" in call.params or "to" in call.params:
            records = self._in_window(call, "time", "date", first, last, records)
        return self._list(call, records)

    def time_by_staff(self, call):
        person = self._find(call, "staff", "staff")
        first, last = self._window(call)
        records = call.world.group("time", "staff").get(id(person), [])
        return self._list(call, self._in_window(call, "time", "date", first, last, records))


    # -- costs, documents, custom fields ----------------------------------

    def cost_list(self, call):
        text = call.params.get("page", "")
        if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
            raise Refused("The page parameter is required", call.dialect.window_required)
        size = self.switches.page_size(COSTS_A_PAGE)
        start = (int(text) - 1) * size
        records = call.world.tables["cost"][start:start + size]
        return self._list(call, records, extras={"Records": len(records)})

    def job_costs(self, call):
        return self._list(call, self._find_job(call)["costs"])

    def job_documents(self, call):
        return self._list(call, self._find_job(call)["documents"])

    def client_documents(self, call):
        return self._list(call, self._find(call, "client", "client")["documents"])

    def _custom(self, call, use, record):
        return self._fresh(call, paperwork.custom_values(call.world, use, record))

    def _fresh(self, call, records):
        """A list of records that exist for this answer only."""
        resource = dialects.RESOURCES[call.endpoint.resource]
        renderer = call.out.Renderer(resource.element, call.fields(resource), call.letter,
                                     "full")
        return call.out.whole_list(call.endpoint.method, resource.collection,
                                   [renderer.record(r) for r in records], {})

    def custom_of_client(self, call):
        return self._custom(call, "client", self._find(call, "client", "client"))

    def custom_of_contact(self, call):
        return self._custom(call, "contact", self._find(call, "contact", "contact"))

    def custom_of_job(self, call):
        return self._custom(call, "job", self._find_job(call))

    def custom_of_job_task(self, call):
        return self._custom(call, "job_task", self._inside_jobs(call, "tasks", "task"))

    def custom_of_job_cost(self, call):
        return self._custom(call, "job_cost", self._inside_jobs(call, "costs", "cost"))

    def custom_of_time(self, call):
        return self._custom(call, "time", self._find(call, "time", "time"))

    @staticmethod
    def _inside_jobs(call, attr, what):
        key = call.dialect.key
        for job in call.world.tables["job"]:
            for row in job[attr]:
                if str(row[key]) == call.key.lower():
                    return row
        raise Refused("Invalid %s identifier" % what)

    # -- invoices and quotes ----------------------------------------------

    def _documents(self, call, records):
        return self._list(call, records, "full" if call.flag("detailed") else "short")

    def invoice_list(self, call):
        first, last = self._window(call)
        records = self._in_window(call, "invoice", "date", first, last)
        return self._documents(call, [r for r in records if r["status"] != "Draft"])

    def invoice_current(self, call):
        return self._documents(call, [r for r in call.world.tables["invoice"]
                                      if r["status"] != "Draft" and not r["archived"]])

    def invoice_draft(self, call):
        return self._documents(call, [r for r in call.world.tables["invoice"]
                                      if r["status"] == "Draft"])

    def invoice_get(self, call):
        return self._one(call, self._by_number(call, "invoice"))

    def invoice_by_job(self, call):
        number = self._find_job(call)["id"]
        return self._documents(call, [
            r for r in call.world.tables["invoice"]
            if any(job["id"] == number for job in r["jobs"] or ())])

    def invoice_payments(self, call):
        return self._list(call, self._by_number(call, "invoice")["payments"])

    def quote_list(self, call):
        first, last = self._window(call)
        records = self._in_window(call, "quote", "date", first, last)
        return self._documents(call, [r for r in records if r["state"] != "Draft"])

    def quote_current(self, call):
        return self._documents(call, [r for r in call.world.tables["quote"]
                                      if r["state"] not in ("Draft", "Archived", "Declined")])

    def quote_draft(self, call):
        return self._documents(call, [r for r in call.world.tables["quote"]
                                      if r["state"] == "Draft"])

    def quote_get(self, call):
        if call.letter in "WB":
            record = call.world.get("quote", "uuid", call.key.lower())
            if record is not None:
                return self._one(call, record)
        return self._one(call, self._by_number(call, "quote"))


    # -- suppliers, leads, purchase orders ---------------------------------

    def supplier_list(self, call):
        return self._documents(call, call.world.tables["supplier"])

    def supplier_get(self, call):
        record = self._find(call, "supplier", "supplier")
        if call.letter == "B":              # wrapped as in a list
            return self._list(call, [record], "full")
        return self._one(call, record)

    def custom_of_supplier(self, call):
        return self._custom(call, "supplier", self._find(call, "supplier", "supplier"))

    def custom_of_supplier_contact(self, call):
        for supplier in call.world.tables["supplier"]:
            for contact in supplier["contacts"]:
                if contact["uuid"] == call.key.lower():
                    return self._custom(call, "contact", contact)
        raise Refused("Invalid contact identifier")

    def custom_of_lead(self, call):
        return self._custom(call, "lead", self._find(call, "lead", "lead"))

    def custom_of_quote(self, call):
        return self._custom(call, "quote", self._find(call, "quote", "quote"))

    def lead_list(self, call):
        first, last = self._window(call)
        return self._documents(call, self._in_window(call, "lead", "date", first, last))

    def lead_current(self, call):
        return self._documents(call, [r for r in call.world.tables["lead"]
                                      if r["state"] == "Current"])

    def order_list(self, call):
        first, last = self._window(call)
        records = self._in_window(call, "purchase_order", "date", first, last)
        return self._documents(call, [r for r in records if r["state"] != "Draft"])

    def order_current(self, call):
        return self._documents(call, [r for r in call.world.tables["purchase_order"]
                                      if r["state"] == "Issued"])

    def order_draft(self, call):
        return self._documents(call, [r for r in call.world.tables["purchase_order"]
                                      if r["state"] == "Draft"])

    def order_get(self, call):
        return self._one(call, self._by_number(call, "purchase_order"))

    def order_by_job(self, call):
        job = self._find_job(call)
        return self._documents(call, [r for r in call.world.tables["purchase_order"]
                                      if r["job"] is job])


class OddNumber(Exception):
    """A job number the gateway does not let through."""


# What the web server in front of the application says; recorded nowhere.
NOT_FOUND_PAGE = (b"<html><head><title>404 - File or directory not found.</title></head>"
                  b"<body><h2>404 - File or directory not found.</h2></body></html>")

EARLIEST = datetime.date.min + DAY
LATEST = datetime.date.max - 2 * DAY
COSTS_A_PAGE = 1000
CALLED = {"client_group": "group", "custom_field": "custom field"}
SEARCHED = ("name", "email", "city", "export_code", "first_name", "last_name")


def wants_json(dialect, request):
    """Whether the request opts in to JSON: the flag, and an Accept that asks for it."""
    if not dialect.json_feature:
        return False
    flags = [flag.strip().lower() for flag in request.header("xero-features", "").split(",")]
    return dialect.json_feature in flags and "json" in request.header("accept", "").lower()


def problem(status, title, detail, instance):
    """The gateway's own errors: JSON, whatever was asked for."""
    body = json.dumps({"Type": None, "Title": title, "Status": status, "Detail": detail,
                       "Instance": instance, "Extensions": {}}, separators=(",", ":"))
    return Response(status, body.encode(), content_type="application/json", compress=False)


def window_day(value, zone):
    """The day on which a window sees a record's date."""
    if not isinstance(value, datetime.datetime):
        if not zone:
            return value
        value = datetime.datetime.combine(value, datetime.time())
    return (value + zone).date()


def one_year_after(day):
    """The first day that is too late for a window that begins on this day."""
    return years_before(day, -1)


def shuffled(records, call):
    """The records in another order, the same for the same request."""
    records = list(records)
    random.Random(call.request.target).shuffle(records)
    return records
