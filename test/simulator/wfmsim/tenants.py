"""Tenants, and which app is connected to which of them.

Every app the simulator knows has its own connections.  A consent touches the
tenants marked `consent`; the others stand for accounts that the same user
connected earlier, and keep the event of that earlier consent.
"""

import datetime
import json
import random
import threading
import urllib.parse

from .httpd import Response
from .world import format_uuid

UTC = datetime.timezone.utc

# type, name, part of a new consent, world it shows, days since connected
PATTERN = (
    ("WORKFLOWMAX", "Harbour Design Ltd", True, "main", 400),
    ("PRACTICEMANAGER", None, True, "main", 380),
    ("PRACTICEMANAGER", "Kauri & Söhne Accountants", False, "second", 200),
    ("ORGANISATION", "Demo Company (NZ)", False, None, 600),
)


class Tenant:
    def __init__(self, tenant_id, kind, name, consent, world, age):
        self.tenant_id = tenant_id
        self.kind = kind
        self.name = name
        self.consent = consent
        self.world = world
        self.age = age


class Tenants:
    """The tenants of one simulator; ids follow from the seed."""

    def __init__(self, seed, clock):
        source = random.Random("%s/tenants" % seed)
        self.clock = clock
        self.all = [Tenant(format_uuid(source.getrandbits(128)), *row) for row in PATTERN]
        self._random = source
        self._old_event = format_uuid(source.getrandbits(128))
        self._lock = threading.Lock()
        self._connections = {}          # client id -> list of dictionaries

    def first(self, kind):
        """The tenant of a type that consents touch."""
        return next(t for t in self.all if t.kind == kind)

    def org_ids(self):
        return [t.tenant_id for t in self.all if t.kind == "WORKFLOWMAX"]

    def add_app(self, client_id):
        """Connect an app to everything, as if long ago."""
        now = self.clock.now()
        with self._lock:
            self._connections[client_id] = [{
                "id": format_uuid(self._random.getrandbits(128)),
                "authEventId": self._old_event,
                "tenant": tenant,
                "created": now - tenant.age * 86400 + 0.183313,
                "updated": now - tenant.age * 43200 + 0.849198,
            } for tenant in self.all]

    def connected(self, client_id, auth_event, now):
        """A consent was given: renew or make the connections it covers."""
        with self._lock:
            rows = self._connections.setdefault(client_id, [])
            for tenant in self.all:
                if not tenant.consent:
                    continue
                for row in rows:
                    if row["tenant"] is tenant:
                        row["authEventId"] = auth_event
                        row["updated"] = now
                        break
                else:
                    rows.append({"id": format_uuid(self._random.getrandbits(128)),
                                 "authEventId": auth_event, "tenant": tenant,
                                 "created": now, "updated": now})

    def find(self, client_id, tenant_id):
        """The connected tenant with this id, or None."""
        with self._lock:
            for row in self._connections.get(client_id, ()):
                if row["tenant"].tenant_id == tenant_id.lower():
                    return row["tenant"]
        return None

    def disconnect(self, tenant_id, client_id=None):
        """The user disconnected a tenant; True when there was one."""
        found = False
        with self._lock:
            for name, rows in self._connections.items():
                if client_id in (None, name):
                    kept = [r for r in rows if r["tenant"].tenant_id != tenant_id]
                    found = found or len(kept) != len(rows)
                    self._connections[name] = kept
        return found

    def reconnect(self):
        """Every app has all its connections again."""
        for client_id in list(self._connections):
            have = {r["tenant"].tenant_id for r in self._connections[client_id]}
            with self._lock:
                now = self.clock.now()
                for tenant in self.all:
                    if tenant.tenant_id not in have:
                        self._connections[client_id].append({
                            "id": format_uuid(self._random.getrandbits(128)),
                            "authEventId": self._old_event, "tenant": tenant,
                            "created": now, "updated": now})

    def answer(self, request, access, rest):
        """GET /connections and DELETE /connections/{id}."""
        client_id = access.grant.client_id
        if request.method == "GET" and not rest:
            event = None
            for name, value in request.params():
                if name.lower() == "autheventid":
                    event = value.lower()
            with self._lock:
                rows = [self._row(r) for r in self._connections.get(client_id, ())
                        if event in (None, r["authEventId"])]
            return Response(200, json.dumps(rows).encode(),
                            content_type="application/json; charset=utf-8")
        if request.method == "DELETE" and rest:
            wanted = urllib.parse.unquote(rest).lower()
            with self._lock:
                rows = self._connections.get(client_id, [])
                kept = [r for r in rows if r["id"] != wanted]
                self._connections[client_id] = kept
            return Response(204 if len(kept) < len(rows) else 404, b"")
        return Response(405, b"", [("allow", "GET, DELETE")])

    @staticmethod
    def _row(row):
        tenant = row["tenant"]
        return {
            "id": row["id"], "authEventId": row["authEventId"],
            "tenantId": tenant.tenant_id, "tenantType": tenant.kind,
            "tenantName": tenant.name,
            "createdDateUtc": seven_digits(row["created"]),
            "updatedDateUtc": seven_digits(row["updated"]),
        }

    def state(self):
        with self._lock:
            return [{
                "tenant_id": t.tenant_id, "type": t.kind, "name": t.name,
                "world": t.world,
                "connected_apps": sorted(name for name, rows in self._connections.items()
                                         if any(r["tenant"] is t for r in rows)),
            } for t in self.all]


def seven_digits(stamp):
    """2019-07-09T23:40:30.1833130: seven digits and no zone."""
    when = datetime.datetime.fromtimestamp(stamp, UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"
