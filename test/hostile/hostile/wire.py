"""One connection as a case sees it, and the answers that are in order."""

import gzip
import socket
import struct
import time

# As long as any client may wait, and no longer than a test.
STALL_SECONDS = 60


class Gone(Exception):
    """The client went away: what most cases provoke."""


class Wire:
    """A connected socket; every failure to send is the client gone."""

    def __init__(self, connection, strangers_port):
        self.connection = connection
        self.strangers_port = strangers_port
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        """Sends all of it."""
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise Gone() from error

    def drip(self, data, size, pause):
        """Sends in pieces of size bytes with a pause between them."""
        for start in range(0, len(data), size):
            self.send(data[start:start + size])
            if pause:
                time.sleep(pause)

    def for_ever(self, data, first=b"", seconds=STALL_SECONDS):
        """Sends the same data again and again."""
        self.send(first)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(data)

    def stall(self):
        """Says nothing more until the client goes."""
        self.connection.settimeout(STALL_SECONDS)
        try:
            while self.connection.recv(65536):
                pass
        except OSError:
            pass
        raise Gone()

    def reset(self):
        """Ends the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise Gone()

    def close(self):
        """Ends the connection with FIN."""
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        raise Gone()


def staff(count, name="Person %d", more=""):
    """The elements of so many people."""
    return "".join(
        "<Staff><UUID>%08d-0000-4000-8000-000000000000</UUID><Name>%s</Name>%s</Staff>"
        % (number, name % number if "%d" in name else name, more)
        for number in range(1, count + 1))


def response(inside, status="OK"):
    """The envelope of an answer of the API."""
    return ('<Response api-method="List"><Status>%s</Status>%s</Response>'
            % (status, inside)).encode()


def staff_list(inside):
    """A whole answer around the elements of people."""
    return response("<StaffList>%s</StaffList>" % inside)


GOOD = staff_list(staff(3))


def head(*lines, status="200 OK", content_type="text/xml; charset=utf-8"):
    """Status line and headers, the empty line included."""
    rows = ["HTTP/1.1 " + status]
    if content_type:
        rows.append("Content-Type: " + content_type)
    rows.extend(lines)
    return ("\r\n".join(rows) + "\r\n\r\n").encode("latin-1")


def whole(body, *lines, **options):
    """A whole answer with its length."""
    return head("Content-Length: %d" % len(body), *lines, **options) + body


def chunks(*pieces, end=b"0\r\n\r\n"):
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def chunked(*pieces, end=b"0\r\n\r\n"):
    """A whole chunked answer."""
    return head("Transfer-Encoding: chunked") + chunks(*pieces, end=end)


def gzipped(body, *lines, packed=None):
    """A whole answer in gzip; packed stands in for the compressed body."""
    packed = gzip.compress(body) if packed is None else packed
    return whole(packed, "Content-Encoding: gzip", *lines)
