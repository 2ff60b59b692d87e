"""HTTP/1.1 over TCP or TLS: one thread for each connection, keep-alive.

The server knows nothing of the API.  It reads a request, hands it to the
application and delivers the answer, faults of delivery included (an answer
that is late, slow, cut short, or framed by the end of the connection).
"""

import email.utils
import gzip
import http.client
import select
import socket
import ssl
import struct
import threading
import time
import urllib.parse
import zlib

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
IDLE_SECONDS = 300
GZIP_FROM = 256
LAST_BYTES = 32 * 1024


class Request:
    """One request as it came; header names are in lower case."""

    def __init__(self, method, target, version, headers, body, peer, scheme):
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.body = body
        self.peer = peer
        self.scheme = scheme
        path, _, self.query = target.partition("?")
        self.raw_path = path
        self.path = urllib.parse.unquote(path)

    def header(self, name, default=None):
        return self.headers.get(name, default)

    def params(self):
        """The decoded query as a list of pairs, empty values kept."""
        return urllib.parse.parse_qsl(self.query, keep_blank_values=True)


class Response:
    """An answer; `delivery` says how to spoil the delivery (faults.py)."""

    def __init__(self, status=200, body=b"", headers=(), content_type=None,
                 gzipped=None, compress=True):
        self.status = status
        self.body = body
        self.headers = list(headers)
        self.content_type = content_type
        self.gzipped = gzipped          # function that gives the body compressed
        self.compress = compress
        self.delivery = None
        self.released = None            # an event: its delays and stalls are over
        self.then = None                # to be called once it has been sent


class Gone(Exception):
    """The peer went away, or the answer ended the connection on purpose."""

    def __init__(self, outcome="closed", sent=0):
        super().__init__(outcome)
        self.outcome = outcome
        self.sent = sent


class Server:
    """Listens, and serves every connection in a thread of its own."""

    def __init__(self, application, host, port, tls=None):
        self.application = application
        self.tls = tls
        self.scheme = "https" if tls else "http"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(256)
        self.host = host
        self.port = self.socket.getsockname()[1]
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections = set()
        self.accepted = 0

    def start(self):
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self):
        """Stop listening and close what is open."""
        self.stopping.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def state(self):
        with self._lock:
            return {"open": len(self._connections), "accepted": self.accepted}

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, peer = self.socket.accept()
            except OSError:
                # out of descriptors for a moment, or the end
                if self.stopping.wait(0.05):
                    return
                continue
            with self._lock:
                self._connections.add(connection)
                self.accepted += 1
                number = self.accepted
            threading.Thread(target=self._serve, args=(connection, peer, number),
                             daemon=True).start()

    def _serve(self, connection, peer, number):
        raw = connection
        try:
            connection.settimeout(IDLE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._connections.discard(raw)
                    self._connections.add(connection)
            reader = connection.makefile("rb", 64 * 1024)
            first = True
            while not self.stopping.is_set():
                request = self._read_request(connection, reader, peer)
                if request is None:
                    break
                request.connection = number
                request.reused = not first
                first = False
                if not self._exchange(connection, request):
                    break
        except (OSError, ssl.SSLError, Gone, ValueError):
            pass
        finally:
            with self._lock:
                self._connections.discard(raw)
                self._connections.discard(connection)
            try:
                connection.close()
            except OSError:
                pass

    # -- reading ----------------------------------------------------------

    def _read_request(self, connection, reader, peer):
        line = reader.readline(MAX_HEAD)
        while line in (b"\r\n", b"\n"):
            line = reader.readline(MAX_HEAD)
        if not line:
            return None
        parts = line.decode("latin-1").split()
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            self._refuse(connection, 400, "malformed request line")
            return None
        method, target, version = parts
        headers = {}
        size = 0
        while True:
            line = reader.readline(MAX_HEAD)
            size += len(line)
            if size > MAX_HEAD:
                self._refuse(connection, 431, "header fields too large")
                return None
            if line in (b"\r\n", b"\n"):
                break
            if not line:
                return None
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or name != name.strip():
                self._refuse(connection, 400, "malformed header field")
                return None
            name = name.lower()
            value = value.strip()
            headers[name] = headers[name] + ", " + value if name in headers else value
        if "host" not in headers and version != "HTTP/1.0":
            self._refuse(connection, 400, "no Host header field")
            return None
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks(reader)
        elif "content-length" in headers:
            length = int(headers["content-length"])
            if length > MAX_BODY:
                self._refuse(connection, 413, "body too large")
                return None
            body = reader.read(length)
            if len(body) < length:
                return None
        if target.startswith("http://") or target.startswith("https://"):
            target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
        return Request(method, target, version, headers, body, peer, self.scheme)

    @staticmethod
    def _read_chunks(reader):
        body = b""
        while True:
            size = int(reader.readline(1024).split(b";")[0], 16)
            if size == 0:
                while reader.readline(MAX_HEAD) not in (b"\r\n", b"\n", b""):
                    pass
                return body
            body += reader.read(size)
            reader.readline(1024)
            if len(body) > MAX_BODY:
                raise Gone("body too large")

    @staticmethod
    def _refuse(connection, status, text):
        body = text.encode()
        head = ("HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
                "connection: close\r\n\r\n" % (status, reason(status), len(body)))
        connection.sendall(head.encode() + body)

    # -- answering --------------------------------------------------------

    def _exchange(self, connection, request):
        """Answer one request; False when the connection ends with it.

        The exchange ends just before its last bytes leave: whoever has read
        an answer finds it in the log, and its place among the calls at once
        free again.
        """
        exchange = self.application.begin(request)

        def finish(sent):
            self.application.end(exchange, sent, "sent")

        try:
            response = self.application.answer(exchange)
            return self._send(connection, request, response, finish)
        except Gone as gone:
            self.application.end(exchange, gone.sent, gone.outcome)
        except OSError:
            self.application.end(exchange, 0, "peer gone")
        finally:
            self.application.end(exchange, 0, "failed")
        return False

    def _send(self, connection, request, response, finish):
        delivery = response.delivery or {}
        self._pause(connection, response, float(delivery.get("delay", 0)))
        if "drop" in delivery:
            self._end(connection, delivery["drop"], 0)
        body = response.body
        headers = list(response.headers)
        names = {name.lower() for name, _ in headers}
        if response.content_type and "content-type" not in names:
            headers.insert(0, ("content-type", response.content_type))
        accepts = "gzip" in request.header("accept-encoding", "")
        if delivery.get("gzip_bomb"):
            # that many MiB of spaces after the body, a thousandth of it sent
            body = gzip.compress(body, 9) + _spaces(int(delivery["gzip_bomb"]))
            headers.append(("content-encoding", "gzip"))
        elif (response.compress and "content-encoding" not in names and accepts
                and len(body) >= GZIP_FROM) or delivery.get("force_gzip"):
            body = response.gzipped() if response.gzipped else gzip.compress(body, 1)
            headers.append(("content-encoding", "gzip"))
        if delivery.get("truncate_gzip"):
            body = body[:max(1, len(body) - int(delivery["truncate_gzip"]))]
        keep = (request.version == "HTTP/1.1"
                and request.header("connection", "").lower() != "close"
                and not delivery.get("no_length") and not self.stopping.is_set())
        status_line = "HTTP/1.1 %d %s\r\n" % (response.status, reason(response.status))
        bodiless = response.status in (204, 304) or request.method == "HEAD"
        if delivery.get("chunked"):
            headers.append(("transfer-encoding", "chunked"))
        elif not delivery.get("no_length") and response.status != 204:
            headers.append(("content-length", str(len(body))))
        headers.append(("date", email.utils.formatdate(usegmt=True)))
        headers.append(("connection", "keep-alive" if keep else "close"))
        head = (status_line + "".join("%s: %s\r\n" % pair for pair in headers)
                + "\r\n").encode("latin-1", "replace")
        if bodiless:
            body = b""
        if not any(key in delivery for key in SLOW):
            if delivery.get("chunked"):
                body = _chunks(body)
            data = head + body
            if len(data) > LAST_BYTES:
                connection.sendall(memoryview(data)[:-LAST_BYTES])
                data = data[-LAST_BYTES:]
            finish(len(body))
            connection.sendall(data)
            if response.then is not None:
                response.then()
        else:
            self._send_spoilt(connection, head, body, response, finish)
        return keep

    def _send_spoilt(self, connection, head, body, response, finish):
        """Deliver with a cut, a stall or a drip."""
        delivery = response.delivery
        if delivery.get("endless_headers"):
            connection.sendall(head[:-2])
            while not self.stopping.is_set():
                connection.sendall(b"x-endless: " + b"x" * 1000 + b"\r\n")
        connection.sendall(head)
        if delivery.get("chunked"):
            body = _chunks(body)
        cut = delivery.get("cut_after")
        stall = delivery.get("stall_after")
        drip = delivery.get("drip")
        sent = 0
        if stall is not None:
            stall = min(int(stall), len(body))
            connection.sendall(body[:stall])
            sent = stall
            self._pause(connection, response, float(delivery.get("stall_seconds", 3600)), sent)
        end = len(body) if cut is None else min(int(cut), len(body))
        if drip:
            step = int(drip.get("bytes", 1))
            while sent + step < end:
                connection.sendall(body[sent:sent + step])
                sent += step
                self._pause(connection, response, float(drip.get("interval", 0.05)), sent)
        if cut is None and not delivery.get("endless"):
            finish(end)
        connection.sendall(body[sent:end])
        sent = end
        if delivery.get("endless"):
            filler = b"<!-- endless -->" * 4096
            while not self.stopping.is_set():
                connection.sendall(filler)
                sent += len(filler)
        if cut is not None:
            self._end(connection, delivery.get("how", "close"), sent)

    def _pause(self, connection, response, seconds, sent=0):
        """Wait until the answer is released, unless the peer or the server
        goes away meanwhile."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or response.released.wait(min(left, 0.1)):
                return
            if self.stopping.is_set():
                raise Gone("server stopped", sent)
            if _peer_closed(connection):
                raise Gone("peer gone", sent)

    @staticmethod
    def _end(connection, how, sent):
        if how == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        raise Gone("cut (%s)" % how, sent)


SLOW = ("cut_after", "stall_after", "drip", "endless", "endless_headers")


def _spaces(mib):
    """A gzip member that unpacks to that many MiB of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1048576
    return b"".join(packer.compress(block) for _ in range(mib)) + packer.flush()


def _chunks(body):
    if not body:
        return b"0\r\n\r\n"
    out = []
    for start in range(0, len(body), 16384):
        part = body[start:start + 16384]
        out.append(b"%x\r\n%s\r\n" % (len(part), part))
    return b"".join(out) + b"0\r\n\r\n"


def _peer_closed(connection):
    """Whether the other side has closed its end."""
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True


def reason(status):
    return http.client.responses.get(status, "Unknown")
