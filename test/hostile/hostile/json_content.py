"""Cases of what is inside JSON: the tables of these ask with format 'json'."""

from .registry import BROKEN, LOST, LOST_OR_BROKEN, TEXT, TOO_BIG, VALUE, family
from .wire import head, whole


def _person(number, name=None, more=""):
    return '{"uuid":"%08d-0000-4000-8000-000000000000","name":%s%s}' % (
        number, name or '"Person %d"' % number, more)


def _list(*people, before='"status":"OK",', behind=""):
    return ('{%s"staffList":[%s]%s}' % (before, ",".join(people), behind)).encode()


def _named(name):
    """Three people, of whom the second has this name, as it stands in JSON."""
    return _list(_person(1), _person(2, name), _person(3))


def _with(more):
    """Three people, of whom the second has these members too."""
    return _list(_person(1), _person(2, more="," + more), _person(3))


def _raw(name):
    """The same with bytes that are no text."""
    return _named('"NAME"').replace(b"NAME", name)


GOOD = _list(_person(1), _person(2), _person(3))


def _body(body, **options):
    options.setdefault("content_type", "application/json; charset=utf-8")

    def answer(wire, request):
        wire.send(whole(body, **options))
        return True
    return answer


def _json(names, make=_body, **expected):
    family([("json_" + name, argument) for name, argument in names], make, json=True, **expected)


# ---- unusual and in order ----

_json([("good", GOOD),
       ("with_byte_order_mark", b"\xef\xbb\xbf" + GOOD),
       ("with_blanks", GOOD.replace(b",", b" ,\r\n\t").replace(b":", b" : ") + b"\n\n"),
       ("status_last", _list(_person(1), _person(2), _person(3), before="", behind=',"status":"OK"')),
       ("status_in_lower_case", GOOD.replace(b"OK", b"ok")),
       ("without_status", b"[" + GOOD[GOOD.index(b"[") + 1:-1]),
       ("escapes", _named('"\\u0041\\n\\/\\"\\ud83d\\ude00"')),
       ("escaped_names", GOOD.replace(b'"name"', b'"\\u006eame"')),
       ("null_values", _with('"email":null,"phone":null')),
       ("null_among_records", _list(_person(1), "null", _person(2), _person(3))),
       ("empty_object_among_members", _with('"x":{},"y":[]')),
       ("unknown_members", _with('"x":{"uuid":"no","staffList":[1,[2,{"a":3}]]}')),
       ("duplicate_member", _with('"name":"the last counts"')),
       ("unknown_member_twice", _with('"x":1,"x":2')),
       ("numbers_of_any_size", _with('"x":1e999999,"y":-0.0E+1,"z":' + "9" * 1000)),
       ("number_as_text", _named("123456789012345678901234567890.10")),
       ("unused_nul", _with('"x":"\\u0000"')),
       ("unused_lone_surrogate", _with('"x":"\\ud800","\\udc00":1')),
       ("unused_number_of_2_megabytes", _with('"x":' + "9" * (2 << 20))),
       ("unused_string_of_2_megabytes", _with('"x":"%s"' % ("x" * (2 << 20)))),
       ("name_of_2_megabytes", _with('"%s":1' % ("x" * (2 << 20)))),
       ("100000_members", _with(",".join('"a%d":%d' % (i, i) for i in range(100000)))),
       ("nested_50_deep", _with('"x":' + "[" * 50 + "]" * 50))],
      rows=3, requests=1)
_json([("labelled_as_html", "text/html"), ("labelled_as_xml", "text/xml"), ("not_labelled", None),
       ("labelled_in_latin_1", "application/json; charset=iso-8859-1")],
      lambda label: _body(GOOD, content_type=label), rows=3, requests=1)
_json([("no_records", _list()), ("list_is_null", b'{"status":"OK","staffList":null}'),
       ("list_is_missing", b'{"status":"OK"}')], rows=0, requests=1)
_json([("one_object_for_a_list", b'{"status":"OK","staffList":%s}' % _person(1).encode())],
      rows=1, requests=1)


# ---- not the API's answer ----

_json([("html_instead", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
       ("xml_instead", b"<Response><Status>OK</Status><StaffList/></Response>"),
       ("plain_text", b"Service temporarily unavailable"),
       ("empty_object", b"{}"), ("empty_list", b"[ ]" + b" " * 40),
       ("other_object", b'{"message":"no such route","code":404,"links":["/a","/b"]}'),
       ("a_string", b'"OK"'), ("a_number", b"42"), ("a_word", b"true"), ("null_alone", b"null"),
       ("call_back", b"callback(" + GOOD + b");"),
       ("prefix_against_scripts", b")]}',\n" + GOOD),
       ("binary_rubbish", bytes(range(128, 256)) * 4)], sqlstates=BROKEN + TEXT, requests=1)
_json([("empty_answer", b""), ("blanks_only", b" \r\n\t ")], sqlstates=LOST_OR_BROKEN)
_json([("error_in_200", b'{"status":"ERROR","errorDescription":"Something broke"}'),
       ("problem_in_200", b'{"type":"about:blank","title":"Something broke","status":"ERROR"}'),
       ("error_behind_the_records", _list(_person(1), before="",
                                          behind=',"status":"ERROR","errorDescription":"Something broke"')),
       ("error_before_the_records", _list(_person(1), before='"errorDescription":"Something broke","status":"ERROR",'))],
      sqlstates=BROKEN, says="Something broke", requests=1)
_json([("status_ok_then_error", _list(_person(1), behind=',"status":"ERROR"'))],
      sqlstates=BROKEN, requests=1)


# ---- not JSON ----

_json([("comma_behind_the_last_record", _list(_person(1), "")),
       ("comma_behind_the_last_member", _with("")),
       ("comma_before_the_first_record", _list("", _person(1))),
       ("comma_missing", GOOD.replace(b"},{", b"} {", 1)),
       ("colon_missing", GOOD.replace(b'"name":', b'"name" ', 1)),
       ("name_missing", _with(':"x"')), ("name_without_quotes", _with('x:"x"')),
       ("name_is_a_number", _with('1:"x"')),
       ("value_missing", _with('"x":')), ("single_quotes", _named("'x'")),
       ("comment", _list(_person(1), "/* nobody */ " + _person(2))),
       ("comment_to_the_end_of_line", _list(_person(1), "// nobody\n" + _person(2))),
       ("nan", _named("NaN")), ("infinity", _named("Infinity")), ("minus_infinity", _named("-Infinity")),
       ("undefined", _named("undefined")), ("word_in_capitals", _named("TRUE")),
       ("word_cut", _named("tru")), ("leading_zero", _named("01")), ("leading_plus", _named("+1")),
       ("leading_point", _named(".5")), ("trailing_point", _named("5.")), ("minus_alone", _named("-")),
       ("exponent_without_digits", _named("1e")), ("hexadecimal", _named("0x1F")),
       ("digits_in_groups", _named("1_000")),
       ("brackets_that_do_not_match", GOOD.replace(b"]}", b"}]")),
       ("bracket_too_many", GOOD + b"}"), ("object_closed_as_list", _named('{"a":1]')),
       ("line_break_in_a_string", _named('"a\nb"')), ("tab_in_a_string", _named('"a\tb"')),
       ("unknown_escape", _named('"\\x41"')), ("escape_with_three_digits", _named('"\\u041"')),
       ("escape_without_hex", _named('"\\u00g1"')),
       ("rubbish_behind", GOOD + b"rubbish"), ("two_documents", GOOD + GOOD),
       ("document_behind_a_line", GOOD + b"\n" + GOOD), ("comma_behind", GOOD + b","),
       ("byte_order_mark_inside", b"{\xef\xbb\xbf" + GOOD[1:]),
       ("byte_order_mark_twice", b"\xef\xbb\xbf" * 2 + GOOD)],
      sqlstates=BROKEN, requests=1)

# Records of the first one may have been given out.
_json([("list_twice", _list(_person(1), behind=',"staffList":[%s]' % _person(2))),
       ("list_in_the_list", _list(_person(1), "[%s]" % _person(2)))], sqlstates=BROKEN, requests=1)


# ---- text that cannot be stored ----

_json([("nul_escaped", _named('"a\\u0000b"')),
       ("high_surrogate_alone", _named('"\\ud800"')), ("high_surrogate_and_text", _named('"\\ud83dx"')),
       ("high_surrogate_and_escape", _named('"\\ud83d\\n"')),
       ("high_surrogate_twice", _named('"\\ud83d\\ud83d"')),
       ("low_surrogate_alone", _named('"\\ude00"')),
       ("surrogates_in_the_wrong_order", _named('"\\ude00\\ud83d"')),
       ("nul_in_text", _raw(b"a\0b")), ("nul_at_the_start", b"\0" + GOOD), ("nul_at_the_end", GOOD + b"\0"),
       ("utf8_broken", _raw(b"M\xc4ori")), ("utf8_lone_continuation", _raw(b"\x80")),
       ("utf8_overlong", _raw(b"\xc0\xaf")), ("utf8_surrogate", _raw(b"\xed\xa0\x80")),
       ("utf8_beyond_unicode", _raw(b"\xf4\x90\x80\x80")),
       ("utf8_broken_in_a_name", _with('"NAME":1').replace(b"NAME", b"\xff")),
       ("latin_1", _raw("M\xe4ori".encode("latin-1"))),
       ("utf16_little_endian", GOOD.decode().encode("utf-16")),
       ("utf16_without_mark", GOOD.decode().encode("utf-16-be")),
       ("utf32", GOOD.decode().encode("utf-32"))], sqlstates=TEXT + BROKEN, requests=1)


# ---- too much ----

_json([("nested_70_deep", _with('"x":' + "[" * 70 + "]" * 70)),
       ("nested_200000_deep", _with('"x":' + "[" * 200000 + "]" * 200000)),
       ("objects_200000_deep", _with('"x":' + '{"a":' * 200000 + "1" + "}" * 200000)),
       ("nested_without_end", b'{"x":' + b"[" * 500000),
       ("value_of_2_megabytes", _named('"%s"' % ("x" * (2 << 20)))),
       ("value_of_2_megabytes_escaped", _named('"%s"' % ("\\t" * 1100000))),
       ("number_of_2_megabytes", _named("9" * (2 << 20))),
       ("record_of_3_megabytes", _with(",".join('"%s":"%s"' % (name, "x" * 900000)
                                                for name in ("email", "phone", "address"))))],
      sqlstates=TOO_BIG, requests=1)


def _endless(pieces):
    first, piece = pieces

    def answer(wire, request):
        wire.for_ever(piece * (65536 // len(piece)), head(content_type="application/json") + first)
    return answer


_json([("string_without_end", (_named('"NAME"').split(b"NAME")[0], b"x")),
       ("unused_string_without_end", (b'{"x":"', b"x")),
       ("number_without_end", (_named("123").split(b"123")[0], b"1")),
       ("name_without_end", (b'{"', b"x")), ("blanks_without_end", (b"", b" ")),
       ("blanks_inside_without_end", (b"{", b"\n")), ("values_without_end", (b'{"x":[', b"null,")),
       ("records_without_end", (b'{"status":"OK","staffList":[', _person(1).encode() + b","))],
      _endless, sqlstates=TOO_BIG, requests=1)


# ---- cut ----

_json([("cut_in_a_record", GOOD[:len(GOOD) // 2]), ("cut_before_the_last_bracket", GOOD[:-1]),
       ("cut_before_the_last_two", GOOD[:-2]), ("cut_in_a_name", GOOD[:GOOD.index(b'"name"') + 3]),
       ("cut_in_a_string", GOOD[:GOOD.index(b"Person 3") + 3]),
       ("cut_in_an_escape", _named('"\\u0041"').split(b"41")[0]),
       ("cut_in_a_number", _named("12.5").split(b".5")[0]), ("cut_in_a_word", _named("true").split(b"ue")[0]),
       ("cut_in_a_character", _raw("\u0101".encode()).split(b"\x81")[0])],
      sqlstates=LOST)
_json([("until_close_cut_in_a_record", GOOD[:len(GOOD) // 2]), ("until_close_cut_by_one_byte", GOOD[:-1])],
      lambda body: lambda wire, request: wire.send(
          head("Connection: close", content_type="application/json") + body), sqlstates=LOST)


# ---- members of another type ----

_json([("key_is_a_number", _list('{"uuid":7,"name":"x"}')), ("key_is_a_word", _list('{"uuid":true,"name":"x"}')),
       ("key_is_no_uuid", _list('{"uuid":"x","name":"x"}'))], sqlstates=VALUE, requests=1)
_json([("name_is_an_object", _named('{"first":"x"}')), ("name_is_a_list", _named('["x","y"]'))],
      rows=3, requests=1)
