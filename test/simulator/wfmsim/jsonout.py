"""Records to JSON, as practicemanager/3.1 sends it to who asks for it.

A flat object without the Response wrapper: {"status": "OK", "clients": [...]}.
Names are in camel case, lists are arrays without item names, every property
is there and null without a value.  Yes/No stay strings, amounts are numbers,
dates are strings.  The functions mirror those of xmlout.
"""

import json
import re

from . import xmlout

CONTENT_TYPE = "application/json; charset=utf-8"


def camel(element):
    """InvoiceTaskUUID -> invoiceTaskUuid, PrepareGST -> prepareGst, ID -> id"""
    name = re.sub("UUID|GST|URL|ID", lambda found: found.group().capitalize(), element)
    return name[0].lower() + name[1:]


def _text(value):
    return json.dumps(str(value), ensure_ascii=False)


def _string(convert):
    return lambda value: _text(convert(value))


CONVERT = {
    "text": _text, "uuid": _text, "int": str, "number_text": _text, "dec2": str,
    "yn": lambda value: '"Yes"' if value else '"No"',
    "bool": lambda value: "true" if value else "false",
}
for _kind in ("day", "plain_day", "day_or_stamp", "stamp", "utc", "clock", "compact_day"):
    CONVERT[_kind] = _string(xmlout.SCALARS[_kind])


class Renderer:
    """Renders one kind of record for one dialect and form."""

    def __init__(self, element, fields, letter, form, shuffle=0.05):
        self.parts = [_compile(f, letter) for f in xmlout.chosen(fields, letter, form)]
        self.shuffle = shuffle

    def record(self, record):
        out = [part(record) for part in self.parts]
        if self.shuffle:
            xmlout.reorder(out, self.shuffle)
        return "{%s}" % ",".join(out)


def _compile(field, letter):
    """A function from a record to '"name":value'."""
    get = xmlout.getter(field.attr)
    head = '"%s":' % (field.json or camel(field.element))
    if field.kind == "list":
        inner = Renderer(field.item_element, field.item, letter, "full", 0)

        def value(record):
            rows = get(record)
            return "null" if rows is None else "[%s]" % ",".join(map(inner.record, rows))
    elif field.kind == "object":
        whole = Renderer("", field.item, letter, "full", 0)

        def value(record):
            part = get(record)
            return "null" if part is None else whole.record(part)
    elif field.kind in ("ref", "jobref"):
        key = "id" if field.kind == "jobref" else "uuid"

        def value(record):
            ref = get(record)
            return "null" if ref is None else '{"%s":%s,"name":%s}' % (
                key, _text(ref[key]), _text(ref["name"]))
    elif field.kind == "page":
        def value(record):
            return _text(field.template % get(record))
    else:
        convert = CONVERT[field.kind]

        def value(record):
            found = get(record)
            return "null" if found is None else convert(found)
    if field.when:
        return lambda record: head + (value(record) if record[field.when] else "null")
    return lambda record: head + value(record)


def _extra(value):
    if isinstance(value, dict):
        return "{%s}" % ",".join('"%s":%s' % (camel(name), _extra(part))
                                 for name, part in value.items())
    return str(value) if isinstance(value, int) else _text(value)


def whole_list(method, collection, items, extras):
    """The answer of a list as bytes; extras is a dictionary of siblings."""
    parts = ['"status":"OK"', '"%s":[%s]' % (camel(collection), ",".join(items))]
    parts += ['"%s":%s' % (camel(name), _extra(value)) for name, value in extras.items()]
    return ("{%s}" % ",".join(parts)).encode("utf-8")


def single(method, element, item):
    """The answer of a get as bytes."""
    return ('{"status":"OK","%s":%s}' % (camel(element), item)).encode("utf-8")


def error(method, text):
    return json.dumps({"status": "ERROR", "errorDescription": text}).encode("utf-8")
