"""Cases of Content-Encoding."""

import functools
import gzip
import zlib

from .registry import BROKEN, LOST, LOST_OR_BROKEN, TOO_BIG, case, family
from .wire import GOOD, chunks, gzipped, head, staff, staff_list, whole


@case(rows=3, requests=1)
def gzip_good(wire, request):
    wire.send(gzipped(GOOD))
    return True


@case(rows=3, requests=1)
def gzip_good_by_bytes(wire, request):
    wire.drip(gzipped(GOOD), 1, 0)
    return True


@case(rows=3, requests=1)
def gzip_good_in_chunks(wire, request):
    packed = gzip.compress(GOOD)
    wire.send(head("Content-Encoding: x-gzip", "Transfer-Encoding: chunked") +
              chunks(packed[:7], packed[7:]))
    return True


@case(rows=3, requests=1)
def gzip_of_two_members(wire, request):
    wire.send(gzipped(None, packed=gzip.compress(GOOD[:50]) + gzip.compress(GOOD[50:])))
    return True


@case(rows=3, requests=1)
def identity_named(wire, request):
    wire.send(whole(GOOD, "Content-Encoding: identity"))
    return True


@case(LOST)
def gzip_cut(wire, request):
    """The HTTP framing is complete, the gzip stream is not."""
    wire.send(gzipped(None, packed=gzip.compress(GOOD)[:-20]))


@case(LOST)
def gzip_cut_before_checksum(wire, request):
    wire.send(gzipped(None, packed=gzip.compress(GOOD)[:-8]))


@case(LOST)
def gzip_cut_in_its_header(wire, request):
    wire.send(gzipped(None, packed=gzip.compress(GOOD)[:5]))


def _packed(packed):
    def answer(wire, request):
        wire.send(gzipped(None, packed=packed))
    return answer


_PACKED = gzip.compress(GOOD)

family([("gzip_wrong_checksum", _PACKED[:-8] + bytes([_PACKED[-8] ^ 1]) + _PACKED[-7:]),
        ("gzip_wrong_size", _PACKED[:-1] + bytes([_PACKED[-1] ^ 1])),
        ("gzip_broken_block", _PACKED[:10] + b"\xff" * 30 + _PACKED[40:]),
        ("gzip_label_on_plain_text", GOOD),
        ("gzip_label_on_zlib", zlib.compress(GOOD)),
        ("gzip_garbage_behind", _PACKED + b"garbage"),
        ("gzip_of_gzip", gzip.compress(_PACKED))],
       _packed, sqlstates=BROKEN)
family([("gzip_of_nothing", gzip.compress(b"")),
        ("gzip_of_10000_empty_members", gzip.compress(b"") * 10000)],
       _packed, sqlstates=LOST_OR_BROKEN)


def _label(label):
    def answer(wire, request):
        wire.send(whole(GOOD, *["Content-Encoding: " + each for each in label]))
    return answer


family([("label_deflate", ["deflate"]), ("label_br", ["br"]), ("label_zstd", ["zstd"]),
        ("label_unknown", ["rot13"]), ("label_stacked", ["gzip, gzip"]),
        ("label_on_two_lines", ["gzip", "gzip"]), ("label_stack_of_five", ["gzip"] * 5)],
       _label, sqlstates=BROKEN, requests=1)


@case(BROKEN)
def gzip_without_label(wire, request):
    wire.send(whole(_PACKED))


@functools.lru_cache
def bomb(megabytes=64):
    """gzip of so many MiB of blanks, made once, around a good answer."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(GOOD[:40])]
    for _ in range(megabytes):
        pieces.append(packer.compress(b" " * (1 << 20)))
    pieces.append(packer.compress(GOOD[40:]))
    pieces.append(packer.flush())
    return b"".join(pieces)


@case(TOO_BIG, requests=1)
def gzip_bomb(wire, request):
    """1 MB that becomes 1 GB; the 64 MB here are enough to see."""
    wire.send(gzipped(None, packed=bomb()))


@case(TOO_BIG, requests=1)
def gzip_bomb_in_chunks(wire, request):
    wire.send(head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunks(bomb()))


@case(TOO_BIG, requests=1)
def gzip_without_end(wire, request):
    """Compresses 20 times: no bomb by its ratio, but it never ends."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    piece = staff(2000, name="Person with number %d").encode()
    wire.send(head("Content-Encoding: gzip") + packer.compress(b"<Response><StaffList>"))
    while True:
        wire.send(packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH))


@case(rows=5000, requests=1)
def gzip_of_a_long_list(wire, request):
    wire.send(gzipped(staff_list(staff(5000))))
    return True
