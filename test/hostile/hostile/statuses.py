"""Cases of the HTTP status: redirects, refusals, failures, limits."""

from .registry import BROKEN, FAILING, LIMIT, REFUSED, TOO_BIG, case, family
from .wire import GOOD, head, whole


def _redirect(arguments):
    status, location = arguments

    def answer(wire, request):
        line = location.replace("PORT", str(wire.strangers_port))
        wire.send(whole(b"moved", "Location: " + line, status=status, content_type="text/plain"))
        return True
    return answer


_OTHER = "http://127.0.0.1:PORT/stolen"

family([("redirect_301_other_port", ("301 Moved", _OTHER)),
        ("redirect_302_other_port", ("302 Found", _OTHER)),
        ("redirect_303_other_port", ("303 See Other", _OTHER)),
        ("redirect_307_other_port", ("307 Temporary", _OTHER)),
        ("redirect_308_other_port", ("308 Permanent", _OTHER)),
        ("redirect_300", ("300 Multiple Choices", _OTHER)),
        ("redirect_same_host", ("302 Found", "/elsewhere")),
        ("redirect_to_itself", ("302 Found", "")),
        ("redirect_other_host", ("302 Found", "https://evil.example/")),
        ("redirect_without_scheme", ("302 Found", "//127.0.0.1:PORT/stolen")),
        ("redirect_file", ("302 Found", "file:///etc/passwd")),
        ("redirect_imap", ("302 Found", "imap://127.0.0.1:PORT/")),
        ("redirect_ldap", ("302 Found", "ldap://127.0.0.1:PORT/")),
        ("redirect_gopher", ("302 Found", "gopher://127.0.0.1:PORT/")),
        ("redirect_with_password", ("302 Found", "http://user:secret@127.0.0.1:PORT/")),
        ("redirect_of_rubbish", ("302 Found", "\x01\x02 http:///"))],
       _redirect, sqlstates=BROKEN, requests=1)


@case(BROKEN, requests=1)
def refresh_header(wire, request):
    """Only browsers follow it; the body is not the API's."""
    wire.send(whole(b"<html/>", "Refresh: 0; url=http://127.0.0.1:%d/stolen" % wire.strangers_port))
    return True


@case(BROKEN, requests=1)
def not_modified(wire, request):
    wire.send(head(status="304 Not Modified", content_type=None))
    return True


def _status(status):
    def answer(wire, request):
        wire.send(whole(GOOD, status=status))
        return True
    return answer


def _without_body(status):
    def answer(wire, request):
        wire.send(head(status=status, content_type=None))
        return True
    return answer


# A good body beside the wrong status must not be taken for the answer.
family([("status_%s" % status.split()[0], status) for status in (
    "201 Created", "202 Accepted", "203 Non-Authoritative", "206 Partial Content",
    "400 Bad Request", "402 Payment Required", "404 Not Found", "405 Method Not Allowed",
    "406 Not Acceptable", "407 Proxy Authentication Required", "409 Conflict", "410 Gone",
    "411 Length Required", "413 Content Too Large", "414 URI Too Long",
    "415 Unsupported Media Type", "418 Teapot", "421 Misdirected", "422 Unprocessable",
    "451 Legal Reasons", "499 Client Closed")],
       _status, sqlstates=BROKEN, requests=1)
family([("status_204", "204 No Content"), ("status_205", "205 Reset Content\r\nContent-Length: 0")],
       _without_body, sqlstates=BROKEN, requests=1)
family([("status_%s" % status, status + " x") for status in (
    "408", "425", "500", "502", "503", "504", "522", "524")],
       _status, sqlstates=FAILING + ["HV000"], requests=4)
family([("status_501", "501 Not Implemented"), ("status_505", "505 Version"),
        ("status_599", "599 Network"), ("status_600", "600 Beyond"), ("status_999", "999 Denied")],
       _status, sqlstates=FAILING + ["HV000"], requests=1)
family([("status_401", "401 Unauthorized"), ("status_403", "403 Forbidden")],
       _status, sqlstates=REFUSED)


@case(TOO_BIG, requests=1)
def failing_with_endless_body(wire, request):
    """What is wrong with it first is its size."""
    wire.for_ever(b"<h1>Bad gateway</h1>" * 3000, head(status="502 Bad Gateway"))


@case(REFUSED)
def unauthorized_with_challenges(wire, request):
    """Neither the password nor the ticket of the server's user is offered."""
    wire.send(whole(b"", "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM",
                    'WWW-Authenticate: Basic realm="x"', 'WWW-Authenticate: Digest realm="x", nonce="y"',
                    status="401 Unauthorized"))
    return True


def _limited(lines):
    def answer(wire, request):
        wire.send(whole(b"", *lines, status="429 Too Many Requests", content_type=None))
        return True
    return answer


family([("limited_for_18_hours", ["Retry-After: 66975"]),
        ("limited_for_the_day", ["X-Rate-Limit-Problem: day", "Retry-After: 66975"]),
        ("limited_for_a_billion_years", ["Retry-After: 99999999999999999999"]),
        ("limited_until_2100", ["Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"]),
        ("limited_minute_without_a_time", ["X-Rate-Limit-Problem: minute"])],
       _limited, sqlstates=LIMIT, requests=1)
family([("limited_for_0_seconds", ["Retry-After: 0"]),
        ("limited_for_minus_5_seconds", ["Retry-After: -5"]),
        ("limited_for_abc", ["Retry-After: abc"]),
        ("limited_until_1994", ["Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"]),
        ("limited_twice_over", ["Retry-After: 0", "Retry-After: 3600"]),
        ("limited_by_something_new", ["X-Rate-Limit-Problem: lunch"])],
       _limited, sqlstates=LIMIT)
