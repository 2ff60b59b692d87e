"""Listens, reads requests, and lets the chosen case answer."""

import argparse
import gzip
import json
import socket
import sys
import threading
import time

from . import coding, content, framing, json_content, statuses  # noqa: F401  (they register)
from . import registry
from .wire import Gone, Wire, chunked, gzipped, head, staff, staff_list, whole


class Request:
    """A request as it came."""

    def __init__(self, text):
        lines = text.decode("latin-1").split("\r\n")
        self.text = text
        self.lines = lines[1:]
        self.method, self.path, _ = (lines[0] + "  ").split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.body = b""


def read_request(connection, pending):
    """The next request and what came behind it; None at the end."""
    while b"\r\n\r\n" not in pending:
        data = connection.recv(65536)
        if not data:
            return None, b""
        pending += data
    text, pending = pending.split(b"\r\n\r\n", 1)
    request = Request(text)
    length = int(request.headers.get("content-length", 0))
    while len(pending) < length:
        data = connection.recv(65536)
        if not data:
            return None, b""
        pending += data
    request.body = pending[:length]
    return request, pending[length:]


class Server:
    """The hostile port and the strangers' port."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.strangers_listener = socket.create_server(("127.0.0.1", 0))
        self.strangers_port = self.strangers_listener.getsockname()[1]
        self.strangers = 0
        self.seen = {}
        self.posts = 0
        self.last_headers = []
        self.lock = threading.Lock()

    def run(self):
        """Serves until the process ends."""
        threading.Thread(target=self._count_strangers, daemon=True).start()
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _count_strangers(self):
        while True:
            connection, _ = self.strangers_listener.accept()
            with self.lock:
                self.strangers += 1
            connection.close()

    def _serve(self, connection):
        wire = Wire(connection, self.strangers_port)
        pending = b""
        try:
            while True:
                request, pending = read_request(connection, pending)
                if request is None or not self._answer(wire, request):
                    break
        except (Gone, OSError):
            pass
        finally:
            connection.close()

    def _answer(self, wire, request):
        """True keeps the connection."""
        if request.path.startswith("/_hostile/"):
            return self._control(wire, request)
        if request.path == "/connect/token":
            return self._token(wire)
        with self.lock:
            self.posts += request.method == "POST"
            self.last_headers = request.lines
        if request.path.startswith("/body/"):
            return body(wire, *request.path.split("/")[2:4])
        if request.path.startswith("/echo"):
            wire.send(whole(request.text, content_type="text/plain"))
            return True
        if request.path == "/read_and_close":
            wire.close()
        if request.path.startswith("/cut/"):
            return cut(wire, *request.path.split("/")[2:5])
        chosen = registry.case_of(request.headers.get("xero-tenant-id", ""))
        if chosen is None:
            wire.send(whole(b"no such case", status="404 Not Found", content_type="text/plain"))
            return True
        with self.lock:
            self.seen[chosen.name] = self.seen.get(chosen.name, 0) + 1
        return chosen.answer(wire, request)

    def _control(self, wire, request):
        with self.lock:
            answer = {"/_hostile/strangers": self.strangers, "/_hostile/seen": dict(self.seen),
                      "/_hostile/cut_length/length": len(CUT_ANSWERS["length"]),
                      "/_hostile/cut_length/chunked": len(CUT_ANSWERS["chunked"]),
                      "/_hostile/posts": self.posts, "/_hostile/last_headers": self.last_headers}
        wire.send(whole(json.dumps(answer.get(request.path)).encode(), content_type="application/json"))
        return True

    def _token(self, wire):
        body = json.dumps({
            "access_token": "hostile-access-token-%d" % time.monotonic_ns(),
            "refresh_token": "hostile-refresh-token-%d" % time.monotonic_ns(),
            "expires_in": 1800, "token_type": "Bearer",
            "scope": "openid profile email offline_access practicemanager",
        }).encode()
        wire.send(whole(body, content_type="application/json"))
        return True


def body(wire, how, size):
    """A body of so many bytes that the client can make itself."""
    size = int(size)
    text = (b"0123456789abcdef\n" * (1 + size // 17))[:size]
    if how == "chunked":
        wire.send(chunked(*[text[i:i + 50000] for i in range(0, size, 50000)]))
    elif how == "gzip":
        # In small members, or so even a text would be taken for a bomb.
        wire.send(gzipped(None, packed=b"".join(
            gzip.compress(text[i:i + 1000]) for i in range(0, size, 1000))))
    elif how == "close":
        wire.send(head("Connection: close") + text)
        wire.close()
    else:
        wire.send(whole(text))
    return True


# The answers that /cut/... cuts: about 2 KiB.
CUT_BODY = staff_list(staff(22))
CUT_ANSWERS = {
    "length": whole(CUT_BODY),
    "chunked": chunked(CUT_BODY[:700], CUT_BODY[700:]),
}


def cut(wire, how, where, count):
    """A good answer that ends after so many bytes."""
    answer = CUT_ANSWERS[where]
    count = int(count)
    wire.send(answer[:count])
    if count >= len(answer):
        return True
    if how == "stall":
        wire.stall()
    if how == "reset":
        # Let the bytes be read first: RST discards what is under way.
        time.sleep(0.01)
        wire.reset()
    wire.close()
    return False


def main(arguments):
    """The command line; the status to exit with."""
    parser = argparse.ArgumentParser(prog="hostile-server", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--port-file", help="where to write the port")
    options = parser.parse_args(arguments)
    if options.list:
        print(registry.listing())
        return 0
    server = Server()
    coding.bomb()  # on a busy machine that takes longer than a client waits
    if options.port_file:
        with open(options.port_file, "w", encoding="ascii") as out:
            out.write("%d\n" % server.port)
    else:
        print(server.port, flush=True)
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
