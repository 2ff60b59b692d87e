"""Changes of the data while the simulator runs, asked for by a test."""

import copy
import datetime

from . import words

KEYS = ("uuid", "legacy_id", "id", "name")
REFERENCES = {
    "client": "client", "job": "job", "staff": "staff", "manager": "staff",
    "partner": "staff", "account_manager": "staff", "job_manager": "staff",
    "billing_client": "client", "contact": "contact",
}


def find(world, table, key):
    """The record that {"id": "J000001"} or the like names."""
    if table not in world.tables:
        raise ValueError("no such table: %s (there are %s)"
                         % (table, ", ".join(world.tables)))
    (attr, value), = key.items()
    if attr not in KEYS:
        raise ValueError("a key is one of %s" % ", ".join(KEYS))
    record = world.get(table, attr, value)
    if record is None:
        raise ValueError("no %s with %s %r" % (table, attr, value))
    return record


def apply(world, change, now):
    """{"op": "add" | "change" | "delete", "table": T, "key": {...}, "set": {...}}

    `add` copies the record of `key` (or the first one) under a new uuid and
    sets the given values.  Returns the uuid of the record concerned.
    """
    op = change["op"]
    table = change["table"]
    with world.lock:
        if op == "add":
            if table not in world.tables:
                raise ValueError("no such table: %s" % table)
            record = _copy_of(world, table, change.get("key"))
            _set(world, record, change.get("set", {}), now)
            world.tables[table] = world.tables[table] + [record]
        elif op == "change":
            record = find(world, table, change["key"])
            _set(world, record, change["set"], now)
        elif op == "delete":
            record = find(world, table, change["key"])
            world.tables[table] = [r for r in world.tables[table] if r is not record]
        else:
            raise ValueError("op is add, change or delete")
        world.changed()
    return record.get("uuid")


def _copy_of(world, table, key):
    model = find(world, table, key) if key else world.tables[table][0]
    record = dict(model)
    for name, value in record.items():
        if isinstance(value, list):
            record[name] = [dict(row) if isinstance(row, dict) else copy.copy(row)
                            for row in value]
    record["uuid"] = world.new_uuid()
    if "legacy_id" in record:
        record["legacy_id"] = world.new_legacy_id(record["legacy_id"])
    if table == "job":
        record["id"] = "J%06d" % (900000 + len(world.tables["job"]))
        record["internal_id"] = world.new_legacy_id(record["internal_id"])
    return record


def _set(world, record, values, now):
    for name, value in values.items():
        if name not in record:
            raise ValueError("no such attribute: %s (there are %s)"
                             % (name, ", ".join(record)))
        record[name] = _value(world, record, name, value)
    if "state" in values and "open" in record:
        record["open"] = dict(words.JOB_STATES).get(values["state"], True)
    if "modified" in record and "modified" not in values:
        record["modified"] = datetime.datetime.fromtimestamp(
            int(now), datetime.timezone.utc).replace(tzinfo=None)


def _value(world, record, name, value):
    if name in REFERENCES and isinstance(value, dict):
        return find(world, REFERENCES[name], value)
    if name == "task" and isinstance(value, dict):
        for task in record["job"]["tasks"]:
            if all(task[k] == v for k, v in value.items()):
                return task
        raise ValueError("the job has no such task")
    if isinstance(value, str):
        if name in ("modified", "created") or isinstance(record[name], datetime.datetime):
            return datetime.datetime.fromisoformat(value)
        if isinstance(record[name], datetime.date) or name.endswith("_date"):
            return datetime.date.fromisoformat(value)
    return value
