"""Records to XML, in the form the live services were recorded sending it.

One line, no declaration, `<X></X>` for an empty value and `<Xs />` for an
empty list; options turn on a declaration or line breaks, which clients must
not mind.  A renderer is compiled once for each kind of record, dialect and
form, because tens of thousands of records go through it.
"""

import datetime
import random
import re
import zlib

CONTENT_TYPE = "text/xml; charset=utf-8"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\r\n'


def escape(text):
    if type(text) is not str:
        return _escape_dirty(text)
    if "&" in text or "<" in text or ">" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text


def _escape_dirty(text):
    style = text.style
    text = str(text)
    if not text:
        return text
    if style == "cdata" and "]]>" not in text:
        return "<![CDATA[" + text + "]]>"
    text = escape(text)
    if style == "crlf":
        return text.replace("\n", "\r\n")
    if style == "refs":
        return "".join(c if " " <= c < "\x7f" else ("&#%d;" if ord(c) % 2 else "&#x%X;")
                       % ord(c) for c in text)
    return text


def _clock(minutes):
    return "%02d:%02d" % divmod(minutes, 60)


def _stamp(value):
    return value.strftime("%Y-%m-%dT%H:%M:%S")


def _day(value):
    if isinstance(value, datetime.datetime):
        return _stamp(value)
    return value.isoformat() + "T00:00:00"


SCALARS = {
    "text": escape,
    "uuid": str,
    "int": str,
    "number_text": str,
    "yn": lambda value: "Yes" if value else "No",
    "bool": lambda value: "true" if value else "false",
    "dec2": str,
    "day": _day,
    "plain_day": lambda value: value.isoformat(),
    "day_or_stamp": lambda value: (value.isoformat() if value.day % 2
                                   else value.isoformat() + "T00:00:00"),
    "stamp": _stamp,
    "utc": _stamp,
    "clock": _clock,
    "compact_day": lambda value: value.strftime("%Y%m%d"),
}


class Renderer:
    """Renders one kind of record for one dialect and form.

    shuffle is the share of records whose elements come in another order
    than usual; which records, and which order, follows from their content.
    """

    def __init__(self, element, fields, letter, form, shuffle=0.05):
        self.element = element
        self.shuffle = shuffle
        self.parts = [_compile(f, letter, form) for f in chosen(fields, letter, form)]

    def record(self, record):
        """The record as text."""
        out = []
        for part in self.parts:
            text = part(record)
            if text is not None:
                out.append(text)
        if self.shuffle:
            reorder(out, self.shuffle)
        return "<%s>%s</%s>" % (self.element, "".join(out), self.element)


def reorder(parts, share):
    """Shuffle the parts of a record in that share of the records."""
    mark = zlib.crc32("".join(parts).encode())
    if (mark % 1000) < share * 1000:
        random.Random(mark).shuffle(parts)


def chosen(fields, letter, form):
    """The fields that a dialect sends in a form."""
    return [f for f in fields if letter in f.on and _in_form(f, form)]


def _in_form(field, form):
    if form == "full":
        return True
    if form == "short":
        return field.form != "full"
    return field.form == "short"            # the paged list's form


def getter(attr):
    if "." in attr:
        first, second = attr.split(".")
        return lambda record: record[first][second]
    return lambda record: record[attr]


def _compile(field, letter, form):
    """A function from a record to the element's text, or None to leave out."""
    get = getter(field.attr)
    tag = field.element
    missing = None if letter in field.omit else "<%s></%s>" % (tag, tag)
    if field.kind == "list":
        render = _list(field, letter, form, get)
    elif field.kind == "object":
        inner = [_compile(f, letter, form) for f in field.item if letter in f.on]

        def render(record):
            value = get(record)
            if value is None:
                return None if letter in field.omit else "<%s />" % tag
            parts = [part(value) for part in inner]
            return "<%s>%s</%s>" % (tag, "".join(p for p in parts if p is not None), tag)
    elif field.kind in ("ref", "jobref"):
        if field.kind == "jobref":
            key, key_tag = "id", "ID"
        elif letter == "P":
            key, key_tag = "legacy_id", "ID"
        else:
            key, key_tag = "uuid", "UUID"

        def render(record):
            value = get(record)
            if value is None:
                return None if letter in field.omit else "<%s />" % tag
            return "<%s><%s>%s</%s><Name>%s</Name></%s>" % (
                tag, key_tag, escape(str(value[key])), key_tag, escape(value["name"]), tag)
    elif field.kind == "page":
        template = field.template

        def render(record):
            return "<%s>%s</%s>" % (tag, escape(template % get(record)), tag)
    else:
        convert = SCALARS[field.kind]

        def render(record):
            value = get(record)
            if value is None:
                return missing
            return "<%s>%s</%s>" % (tag, convert(value), tag)
    if field.when:
        when = field.when
        plain = render

        def render(record):                 # noqa: F811 (the conditional form)
            return plain(record) if record[when] else None
    return render


def _list(field, letter, form, get):
    inner = Renderer(field.item_element, field.item, letter, "full", shuffle=0)
    tag = field.element

    def render(record):
        rows = get(record)
        if rows is None:
            return None
        if not rows:
            return "<%s />" % tag
        return "<%s>%s</%s>" % (tag, "".join(map(inner.record, rows)), tag)
    return render


def envelope(method, parts, status="OK"):
    """A whole answer as bytes; parts are strings that follow the status."""
    return ('<Response api-method="%s"><Status>%s</Status>%s</Response>'
            % (method, status, "".join(parts))).encode("utf-8")


def _extra(tag, value):
    if isinstance(value, dict):
        inner = "".join(_extra(name, part) for name, part in value.items())
    else:
        inner = escape(str(value))
    return "<%s>%s</%s>" % (tag, inner, tag)


def whole_list(method, tag, items, extras):
    """The answer of a list; extras is a dictionary of siblings."""
    rows = "<%s>%s</%s>" % (tag, "".join(items), tag) if items else "<%s />" % tag
    return envelope(method, [rows] + [_extra(name, extras[name]) for name in extras])


def single(method, element, item):
    """The answer of a get."""
    return envelope(method, [item])


def error(method, text):
    """The answer of a request that the application refused."""
    return envelope(method, ["<ErrorDescription>%s</ErrorDescription>" % escape(text)],
                    status="ERROR")


_TOKEN = re.compile(r"<[^>]+>|[^<]+")


def pretty(body):
    """The same document with line breaks and indentation between elements."""
    out = []
    depth = 0
    tokens = _TOKEN.findall(body.decode("utf-8"))
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.startswith("</"):
            depth -= 1
            out.append("  " * depth + token)
        elif token.startswith("<?") or token.endswith("/>"):
            out.append("  " * depth + token)
        elif index + 1 < len(tokens) and tokens[index + 1].startswith("</"):
            name = token[1:-1]
            out.append("  " * depth + "<%s/>" % name)
            index += 1
        elif not token.startswith("<"):
            if token.strip():
                out.append(token)
        elif index + 2 < len(tokens) and not tokens[index + 1].startswith("<"):
            out.append("  " * depth + token + tokens[index + 1] + tokens[index + 2])
            index += 2
        else:
            out.append("  " * depth + token)
            depth += 1
        index += 1
    return ("\n".join(out) + "\n").encode("utf-8")
