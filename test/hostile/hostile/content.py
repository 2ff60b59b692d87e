"""Cases of what is inside: XML that is none, or too much, or not what it says."""

from .registry import BROKEN, LOST, LOST_OR_BROKEN, TEXT, TOO_BIG, case, family
from .wire import GOOD, head, response, staff, staff_list, whole


def _body(body, **options):
    def answer(wire, request):
        wire.send(whole(body, **options))
        return True
    return answer


def _until_close(body):
    def answer(wire, request):
        wire.send(head("Connection: close") + body)
    return answer


# ---- unusual and in order ----

family([("good_with_declaration", b'<?xml version="1.0" encoding="utf-8"?>\r\n' + GOOD),
        ("good_with_byte_order_mark", b"\xef\xbb\xbf" + GOOD),
        ("good_with_comments", GOOD.replace(b"<Staff>", b"<!-- <Staff> --><Staff>")),
        ("good_with_instructions", GOOD.replace(b"<StaffList>", b"<?php die ?><StaffList>")),
        ("good_with_cdata", staff_list(staff(3, name="<![CDATA[a <b> & c]]>"))),
        ("good_with_references", staff_list(staff(3, name="&lt;&amp;&gt;&#65;&#x1F600;"))),
        ("good_with_unknown_elements", staff_list(staff(3, more="<New><Thing>1</Thing></New>"))),
        ("good_with_blank_lines", GOOD.replace(b"><", b">\r\n\t <") + b"\n\n"),
        ("good_with_content_type_missing", GOOD)],
       _body, rows=3, requests=1)
family([("no_records", staff_list("")), ("no_records_short", response("<StaffList/>"))],
       _body, rows=0, requests=1)


# ---- not the API's answer ----

_HTML = b"<html><head><title>Sign in</title></head><body><p>Please <br> sign in</body></html>"

family([("html_page", _HTML),
        ("html_page_with_doctype", b"<!DOCTYPE html>\n" + _HTML),
        ("html_that_is_xml", b"<html><head/><body><p>Sign in</p></body></html>"),
        ("plain_text", b"Service temporarily unavailable"),
        ("json_instead", b'{"status": "OK", "staff": [{"uuid": "1"}]}'),
        ("json_list_instead", b"[]"),
        ("another_document", b"<Envelope><Body><Fault>no</Fault></Body></Envelope>"),
        ("envelope_and_nothing", b"<Response/>"),
        ("binary_rubbish", bytes(range(128, 256)) * 4)],
       _body, sqlstates=BROKEN + TEXT)

# An answer that ends before its root element does may have been cut.
family([("empty_answer", b""), ("blanks_only", b" \r\n\t ")],
       _body, sqlstates=LOST_OR_BROKEN)


# ---- errors inside a 200 ----


@case(BROKEN, says="Something broke")
def error_in_200(wire, request):
    wire.send(whole(response("<ErrorDescription>Something broke</ErrorDescription>", "ERROR")))
    return True


@case(BROKEN)
def error_in_lower_case(wire, request):
    wire.send(whole(response("<ErrorDescription>x</ErrorDescription>", "error")))
    return True


@case(BROKEN)
def error_after_the_records(wire, request):
    wire.send(whole(b"<Response><StaffList>%s</StaffList><Status>ERROR</Status></Response>"
                    % staff(3).encode()))
    return True


@case(BROKEN)
def status_ok_then_error(wire, request):
    wire.send(whole(response("<StaffList>%s</StaffList><Status>ERROR</Status>" % staff(3))))
    return True


@case(BROKEN)
def status_error_then_ok(wire, request):
    wire.send(whole(response("<StaffList>%s</StaffList><Status>OK</Status>" % staff(3), "ERROR")))
    return True


@case(BROKEN)
def error_of_control_bytes(wire, request):
    """What the API says goes into DETAIL, printable."""
    wire.send(whole(response("<ErrorDescription>a&#10;b&#9;c%s</ErrorDescription>" % ("x" * 5000),
                             "ERROR")))
    return True


# ---- document types and entities ----

_ENTITIES = "".join('<!ENTITY l%d "%s">' % (i, "&l%d;" % (i - 1) * 10) for i in range(1, 12))


def _doctype(text):
    def answer(wire, request):
        body = text.replace("PORT", str(wire.strangers_port)).encode()
        wire.send(whole(body + staff_list(staff(1, name="&l;")) if b"ENTITY" in body
                        else body + GOOD))
        return True
    return answer


family([("doctype_empty", "<!DOCTYPE Response>"),
        ("doctype_with_subset", "<!DOCTYPE Response []>"),
        ("billion_laughs", '<!DOCTYPE Response [<!ENTITY l0 "lol">%s<!ENTITY l "&l11;">]>' % _ENTITIES),
        ("quadratic_blowup", '<!DOCTYPE Response [<!ENTITY l "%s">]>' % ("a" * 50000)),
        ("entity_from_a_file", '<!DOCTYPE Response [<!ENTITY l SYSTEM "file:///etc/hostname">]>'),
        ("entity_from_the_network",
         '<!DOCTYPE Response [<!ENTITY l SYSTEM "http://127.0.0.1:PORT/x">]>'),
        ("entity_of_parameters",
         '<!DOCTYPE Response [<!ENTITY % p SYSTEM "http://127.0.0.1:PORT/x"> %p;]>'),
        ("doctype_from_the_network",
         '<!DOCTYPE Response SYSTEM "http://127.0.0.1:PORT/x.dtd">')],
       _doctype, sqlstates=BROKEN, requests=1)

family([("entity_not_declared", staff_list(staff(3, name="&nbsp;"))),
        ("reference_to_nul", staff_list(staff(3, name="&#0;"))),
        ("reference_to_surrogate", staff_list(staff(3, name="&#xD800;"))),
        ("reference_beyond_unicode", staff_list(staff(3, name="&#x110000;")))],
       _body, sqlstates=BROKEN)
# libxml2's push parser waits for a semicolon, which may never come.
family([("reference_without_end", staff_list(staff(3, name="&amp"))),
        ("ampersand_in_text", staff_list(staff(3, name="a & b"))),
        ("ampersand_at_the_end_of_text", staff_list(staff(3, name="a &"))),
        ("ampersands_in_text", staff_list(staff(3, name="a && b"))),
        ("ampersand_far_from_the_end", staff_list(staff(3000, name="R&D"))),
        ("ampersand_in_an_address", staff_list(staff(3, name="/x?a=1&b=2")))],
       _body, sqlstates=BROKEN, says="an ampersand does not begin a reference", requests=1)
family([("reference_to_a_control_character", staff_list(staff(3, name="a&#11;b"))),
        ("reference_to_another", staff_list(staff(3, name="a&#x1F;b"))),
        ("not_a_character", staff_list(staff(3, name="a\uffffb")))],
       _body, sqlstates=BROKEN, says="a character is not allowed in XML", requests=1)


# ---- text that is not UTF-8 ----


def _name(raw):
    return staff_list(staff(3, name="NAME")).replace(b"NAME", raw)


family([("nul_in_text", _name(b"a\0b")), ("nul_at_the_start", b"\0" + GOOD),
        ("nul_at_the_end", GOOD + b"\0"),
        ("utf8_broken", _name(b"M\xc4ori")), ("utf8_lone_continuation", _name(b"\x80")),
        ("utf8_overlong", _name(b"\xc0\xaf")), ("utf8_surrogate", _name(b"\xed\xa0\x80")),
        ("utf8_beyond_unicode", _name(b"\xf4\x90\x80\x80")),
        ("latin_1_unlabelled", _name("M\xe4ori".encode("latin-1"))),
        ("latin_1_declared",
         b'<?xml version="1.0" encoding="iso-8859-1"?>' + _name("M\xe4ori".encode("latin-1"))),
        ("windows_1252_declared",
         b'<?xml version="1.0" encoding="windows-1252"?>' + _name(b"\x80")),
        ("utf16_little_endian", GOOD.decode().encode("utf-16")),
        ("utf16_big_endian", b"\xfe\xff" + GOOD.decode().encode("utf-16-be")),
        ("utf16_declared_only", b'<?xml version="1.0" encoding="utf-16"?>' + GOOD),
        ("utf32", GOOD.decode().encode("utf-32")),
        ("ebcdic", b"\x4c\x6f\xa7\x94\x93" + GOOD.decode().encode("cp037"))],
       _body, sqlstates=TEXT + BROKEN)


# ---- too much ----

family([("nested_70_deep", staff_list("<a>" * 70 + "</a>" * 70)),
        ("nested_200000_deep", staff_list("<a>" * 200000 + "</a>" * 200000)),
        ("nested_without_end", b"<Response><StaffList>" + b"<a>" * 500000),
        ("value_of_2_megabytes", staff_list(staff(1, name="x" * (2 << 20)))),
        ("value_of_2_megabytes_in_cdata",
         staff_list(staff(1, name="<![CDATA[%s]]>" % ("x" * (2 << 20))))),
        ("record_of_3_megabytes",
         staff_list(staff(1, more="".join("<F%d>%s</F%d>" % (i, "x" * 100000, i)
                                          for i in range(5)) + "<Email>%s</Email>" % ("e" * 900000) +
                          "<Phone>%s</Phone>" % ("p" * 900000) +
                          "<Address>%s</Address>" % ("a" * 900000))))],
       _body, sqlstates=TOO_BIG, requests=1)
family([("attribute_of_2_megabytes", response("<StaffList a='%s'/>" % ("x" * (2 << 20)))),
        ("100000_attributes",
         response("<StaffList %s/>" % " ".join("a%d='1'" % i for i in range(100000)))),
        ("name_of_2_megabytes", response("<%s/>" % ("x" * (2 << 20))))],
       _body, sqlstates=TOO_BIG + BROKEN, requests=1)


def _endless(first, piece):
    def answer(wire, request):
        wire.for_ever(piece * (65536 // len(piece)), head() + first)
    return answer


family([("attribute_without_end", (b"<Response a='", b"x")),
        ("comment_without_end", (b"<Response><!-- ", b"x")),
        ("instruction_without_end", (b"<Response><?x ", b"x")),
        ("cdata_without_end", (b"<Response><StaffList><Staff><Name><![CDATA[", b"x")),
        ("text_without_end", (b"<Response><StaffList><Staff><Name>", b"x")),
        ("name_without_end", (b"<Response><", b"x")),
        ("blanks_without_end", (b"", b" "))],
       lambda pieces: _endless(*pieces), sqlstates=TOO_BIG, requests=1)


# ---- cut, or more than one ----

family([("cut_in_a_record", GOOD[:len(GOOD) // 2]), ("cut_in_a_tag", GOOD[:GOOD.rindex(b"</Resp") + 4]),
        ("cut_before_the_last_tag", GOOD[:GOOD.rindex(b"</Resp")]),
        ("cut_by_one_byte", GOOD[:-1]),
        ("cut_in_a_character", staff_list(staff(3, name="M\u0101ori"))[:75] + b"\xc4"),
        ("cut_in_a_reference", staff_list(staff(3, name="&amp;"))[:120] + b"&am"),
        ("cut_in_cdata", b"<Response><StaffList><Staff><Name><![CDATA[ab"),
        ("cut_in_a_comment", b"<Response><!-- ab")],
       _body, sqlstates=LOST + BROKEN + TEXT)
family([("until_close_cut_in_a_record", GOOD[:len(GOOD) // 2]),
        ("until_close_cut_by_one_byte", GOOD[:-1])],
       _until_close, sqlstates=LOST)
family([("rubbish_behind", GOOD + b"rubbish"), ("two_documents", GOOD + GOOD),
        ("tag_behind", GOOD + b"<br>"),
        ("tags_that_do_not_match", GOOD.replace(b"</StaffList>", b"</Stafflist>")),
        ("attribute_without_quotes", GOOD.replace(b'"List"', b"List")),
        ("attribute_twice", GOOD.replace(b"api-method", b'api-method="x" api-method')),
        ("text_before_the_root", b"rubbish" + GOOD),
        ("less_than_in_text", staff_list(staff(3, name="a < b"))),
        ("control_byte_in_text", staff_list(staff(3, name="a\x01b"))),
        ("vertical_tab_in_text", staff_list(staff(3, name="a\x0bb"))),
        ("less_than_and_a_digit", staff_list(staff(3, name="a <1> b"))),
        ("declaration_too_late", GOOD + b'<?xml version="1.0"?>'),
        ("prefix_not_declared_is_wrong_name", GOOD.replace(b"<Response", b"<x:Response")
         .replace(b"</Response", b"</y:Response"))],
       _body, sqlstates=BROKEN)
