"""Cases of HTTP itself: status lines, headers, lengths, chunks, connections."""

import time

from .registry import (BROKEN, LOST, LOST_OR_BROKEN, TOO_BIG, case, family)
from .wire import GOOD, chunked, chunks, gzipped, head, staff, staff_list, whole

# ---- answers that are in order, in every shape: they must be read ----


@case(rows=3)
def first_of_all(wire, request):
    """For a test's first query, which also gets the token."""
    wire.send(whole(GOOD))
    return True


@case(rows=3, requests=1)
def good_with_length(wire, request):
    wire.send(whole(GOOD))
    return True


@case(rows=3, requests=1)
def good_chunked(wire, request):
    wire.send(chunked(GOOD))
    return True


@case(rows=3, requests=1)
def good_until_close(wire, request):
    wire.send(head("Connection: close") + GOOD)


@case(rows=3, requests=1)
def good_one_byte_a_packet(wire, request):
    wire.drip(whole(GOOD), 1, 0)
    return True


@case(rows=3, requests=1)
def good_one_byte_a_chunk(wire, request):
    wire.send(chunked(*[GOOD[i:i + 1] for i in range(len(GOOD))]))
    return True


@case(rows=3, requests=1)
def good_chunk_extensions(wire, request):
    wire.send(head("Transfer-Encoding: chunked") +
              b"%x;name=\"value\";other\r\n%s\r\n0;last\r\n\r\n" % (len(GOOD), GOOD))
    return True


@case(rows=3, requests=1)
def good_chunk_leading_zeros(wire, request):
    wire.send(head("Transfer-Encoding: chunked") + b"0000%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD))
    return True


@case(rows=3, requests=2, twice=True)
def trailers_change_nothing(wire, request):
    """Trailers that claim another encoding and a spent limit."""
    wire.send(chunked(GOOD, end=b"0\r\nContent-Encoding: br\r\nX-DayLimit-Remaining: 0\r\n"
                                b"Content-Length: 1\r\n\r\n"))
    return True


@case(rows=3, requests=1)
def interim_100(wire, request):
    wire.send(b"HTTP/1.1 100 Continue\r\n\r\n" + whole(GOOD))
    return True


@case(rows=3, requests=1)
def interim_103_with_headers(wire, request):
    wire.send(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\nContent-Encoding: br\r\n"
              b"X-DayLimit-Remaining: 0\r\n\r\n" + whole(GOOD))
    return True


@case(rows=3, requests=1)
def same_length_twice(wire, request):
    wire.send(whole(GOOD, "Content-Length: %d" % len(GOOD)))
    return True


@case(rows=3, requests=1)
def header_names_in_capitals(wire, request):
    wire.send(whole(GOOD).replace(b"Content-Length:", b"CONTENT-LENGTH:"))
    return True


@case(rows=3, twice=True)
def closes_although_kept_alive(wire, request):
    """The connection that the client keeps is dead when it is used again."""
    wire.send(whole(GOOD, "Connection: keep-alive"))


@case(rows=3, twice=True)
def answer_nobody_asked_for(wire, request):
    """A second answer is queued; the next query must not take it for its own."""
    wire.send(whole(GOOD) + whole(staff_list(staff(7))))
    return True


@case(rows=20000, requests=1)
def many_small_records(wire, request):
    wire.send(whole(staff_list(staff(20000))))
    return True


# ---- lengths ----


@case(LOST)
def length_too_short(wire, request):
    wire.send(head("Content-Length: %d" % (len(GOOD) // 2)) + GOOD)


@case(LOST)
def length_too_short_by_one(wire, request):
    wire.send(head("Content-Length: %d" % (len(GOOD) - 1)) + GOOD)


@case(LOST)
def length_too_long_then_close(wire, request):
    wire.send(head("Content-Length: %d" % (len(GOOD) + 10)) + GOOD)
    wire.close()


@case(LOST, stalls=True)
def length_too_long_then_stall(wire, request):
    wire.send(head("Content-Length: %d" % (len(GOOD) + 10)) + GOOD)
    wire.stall()


def _with_length(value):
    def answer(wire, request):
        wire.send(head("Content-Length: " + value) + GOOD)
        wire.close()
    return answer


family([("length_negative", "-5"), ("length_not_a_number", "many"),
        ("length_hexadecimal", "0x80"), ("length_a_list", "5, 5"), ("length_a_fraction", "12.5")],
       _with_length, sqlstates=BROKEN)
family([("length_beyond_64_bits", "99999999999999999999"),
        ("length_of_terabytes", "9000000000000")],
       _with_length, sqlstates=TOO_BIG, requests=1)


@case(BROKEN)
def lengths_that_differ(wire, request):
    wire.send(whole(GOOD, "Content-Length: %d" % (len(GOOD) - 4)))


@case(BROKEN)
def length_and_chunked(wire, request):
    wire.send(head("Content-Length: %d" % len(GOOD), "Transfer-Encoding: chunked") + chunks(GOOD))


@case(BROKEN)
def chunked_and_length(wire, request):
    wire.send(head("Transfer-Encoding: chunked", "Content-Length: 4") + chunks(GOOD))


# ---- chunks ----


def _chunk_framing(body):
    def answer(wire, request):
        wire.send(head("Transfer-Encoding: chunked") + body)
        wire.close()
    return answer


_SIZED = b"%x\r\n%s\r\n" % (len(GOOD), GOOD)

family([("chunk_size_overflow", b"FFFFFFFFFFFFFFFFFF\r\n" + GOOD),
        ("chunk_size_most_negative", b"8000000000000000\r\n" + GOOD),
        ("chunk_size_not_a_number", b"zz\r\n" + GOOD),
        ("chunk_size_negative", b"-5\r\n" + GOOD),
        ("chunk_size_missing", b"\r\n" + GOOD),
        ("chunk_without_end_of_line", b"5\r\n" + GOOD[:5] + b"5\r\n" + GOOD[5:10]),
        ("chunk_longer_than_sent", b"fff\r\n" + GOOD)],
       _chunk_framing, sqlstates=LOST_OR_BROKEN)
family([("chunks_without_last_one", _SIZED), ("chunk_cut_in_its_size", b"1"),
        ("chunk_cut_before_final_line", _SIZED + b"0\r\n")],
       _chunk_framing, sqlstates=LOST)


@case(LOST, stalls=True)
def chunks_then_stall(wire, request):
    wire.send(head("Transfer-Encoding: chunked") + _SIZED)
    wire.stall()


@case(LOST, stalls=True)
def chunk_size_line_without_end(wire, request):
    """No byte of it is body: as good as a stall."""
    wire.for_ever(b"x" * 65536, head("Transfer-Encoding: chunked") + b"5;")


def _transfer_encoding(value):
    def answer(wire, request):
        wire.send(head("Transfer-Encoding: " + value) + chunks(GOOD))
        wire.close()
    return answer


family([("transfer_encoding_unknown", "xchunked"), ("transfer_encoding_gzip", "gzip, chunked"),
        ("transfer_encoding_twice", "chunked, chunked")],
       _transfer_encoding, sqlstates=BROKEN)


# ---- status lines ----


def _raw(data):
    def answer(wire, request):
        wire.send(data)
        wire.close()
    return answer


_REST = b"\r\nContent-Length: %d\r\n\r\n%s" % (len(GOOD), GOOD)

family([("http_0_9", GOOD), ("status_line_of_another_protocol", b"ICY 200 OK" + _REST),
        ("status_line_of_ssh", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("status_not_a_number", b"HTTP/1.1 abc OK" + _REST),
        ("status_of_two_digits", b"HTTP/1.1 20 OK" + _REST),
        ("status_of_four_digits", b"HTTP/1.1 2000 OK" + _REST),
        ("version_of_tomorrow", b"HTTP/3.7 200 OK" + _REST),
        ("version_2_in_clear", b"HTTP/2 200" + _REST)],
       _raw, sqlstates=BROKEN)
family([("interim_and_nothing_more", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("nothing_at_all", b""), ("status_line_cut", b"HTTP/1."),
        ("headers_cut", b"HTTP/1.1 200 OK\r\nContent-Le")],
       _raw, sqlstates=LOST_OR_BROKEN)


@case(TOO_BIG, requests=1)
def interim_flood(wire, request):
    wire.for_ever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@case(BROKEN)
def switching_protocols(wire, request):
    wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + GOOD)
    wire.close()


# ---- headers ----


@case(TOO_BIG, requests=1)
def headers_without_end(wire, request):
    wire.for_ever(b"X-Filler: abcdefghijklmnopqrstuvwxyz\r\n" * 50, b"HTTP/1.1 200 OK\r\n")


@case(TOO_BIG, requests=1)
def header_line_without_end(wire, request):
    wire.for_ever(b"x" * 65536, b"HTTP/1.1 200 OK\r\nX-Filler: ")


@case(TOO_BIG, requests=1)
def headers_of_300_lines(wire, request):
    wire.send(whole(GOOD, *["X-Filler-%d: x" % i for i in range(300)]))


@case(TOO_BIG, requests=1)
def headers_of_80_kilobytes(wire, request):
    wire.send(whole(GOOD, *["X-Filler-%d: %s" % (i, "x" * 8000) for i in range(10)]))


@case(BROKEN)
def header_with_nul(wire, request):
    wire.send(whole(GOOD).replace(b"text/xml", b"text/\0xml"))


@case(LOST_OR_BROKEN)
def header_without_colon(wire, request):
    wire.send(whole(GOOD, "no colon here"))
    wire.close()


@case(rows=3)
def header_of_control_bytes(wire, request):
    """Nothing of it may reach a message or a log."""
    wire.send(whole(GOOD, "Xero-Correlation-Id: \x1b[2J\x07", "X-Rate-Limit-Problem: \x01"))
    return True


@case(rows=3)
def limit_headers_absurd(wire, request):
    wire.send(whole(GOOD, "X-MinLimit-Remaining: 99999999999999999999", "X-DayLimit-Remaining: -7",
                    "X-AppMinLimit-Remaining: lots", "Date: yesterday", "Retry-After: 12"))
    return True


# ---- connections that end or never go on ----


@case(LOST)
def reset_at_once(wire, request):
    wire.reset()


@case(LOST)
def reset_in_headers(wire, request):
    wire.send(b"HTTP/1.1 200 OK\r\nContent-")
    time.sleep(0.05)
    wire.reset()


@case(LOST)
def reset_in_body(wire, request):
    wire.send(whole(GOOD)[:-20])
    time.sleep(0.05)
    wire.reset()


@case(LOST)
def close_in_body(wire, request):
    wire.send(whole(GOOD)[:-20])
    wire.close()


@case(LOST, stalls=True)
def stall_before_answer(wire, request):
    wire.stall()


@case(LOST, stalls=True)
def stall_in_headers(wire, request):
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/")
    wire.stall()


@case(LOST, stalls=True)
def stall_after_headers(wire, request):
    wire.send(head("Content-Length: %d" % len(GOOD)))
    wire.stall()


@case(LOST, stalls=True)
def stall_in_body(wire, request):
    wire.send(whole(GOOD)[:-20])
    wire.stall()


@case(LOST, stalls=True)
def stall_in_gzip(wire, request):
    wire.send(gzipped(GOOD)[:-8])
    wire.stall()


@case(LOST, stalls=True)
def slow_loris_headers(wire, request):
    wire.drip(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 200, 1, 0.25)


@case(LOST, stalls=True)
def slow_loris_body(wire, request):
    wire.drip(whole(GOOD), 1, 0.25)


@case(TOO_BIG, requests=1)
def body_without_end(wire, request):
    wire.for_ever(b"<Staff><Name>x</Name></Staff>" * 1000, head() + b"<Response><StaffList>")


@case(TOO_BIG, requests=1)
def chunks_without_end(wire, request):
    wire.for_ever(chunks(b"<Staff><Name>x</Name></Staff>" * 1000, end=b""),
                  head("Transfer-Encoding: chunked") + chunks(b"<Response><StaffList>", end=b""))
