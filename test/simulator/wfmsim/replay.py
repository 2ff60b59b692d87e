"""Recorded answers instead of generated ones.

A folder holds one file for each recorded answer, named after the request:
`client.api/list` is `client__list.xml`, and `client__list__NAME.xml` is
another recording of the same request.  A file `….head.txt` beside it gives
the status and the headers (its first line is the recorded request).  Without
an exact name the first recording with status 200 is taken, in alphabetical
order; a control call chooses another.
"""

import os
import re
import threading
import urllib.parse

from .httpd import Response

BODIES = {".xml": "text/xml; charset=utf-8", ".json": "application/json", ".txt": None}
# Facts about the recorded transfer, not about the answer.
NOT_REPLAYED = {"content-length", "content-encoding", "transfer-encoding", "connection",
                "keep-alive", "date", "recorded_at"}


class Recording:
    """One recorded answer."""

    def __init__(self, name, body, content_type):
        self.name = name
        self.body = body
        self.status = 200
        self.headers = []
        self.content_type = content_type
        self.key = None                 # of a request like client.api/get/KEY

    def read_head(self, text):
        lines = text.splitlines()
        if not lines:
            return
        self.content_type = None
        request = re.match(r"[A-Z]+ \S*?/[a-z]+\.api/[\w-]+(?:/([^/?\s]+))?", lines[0])
        if request and request.group(1):
            self.key = urllib.parse.unquote(request.group(1))
        for line in lines[1:]:
            status = re.match(r"HTTP\S* (\d{3})", line)
            name, colon, value = line.partition(":")
            if status:
                self.status = int(status.group(1))
            elif colon and name.lower() not in NOT_REPLAYED:
                self.headers.append((name.lower(), value.strip()))


class Replay:
    """A folder of recordings and the choices made among them."""

    def __init__(self, folder):
        self.folder = folder
        self.recordings = {}
        self._chosen = {}
        self._lock = threading.Lock()
        for file in sorted(os.listdir(folder)):
            stem, kind = os.path.splitext(file)
            if kind not in BODIES or stem.endswith(".head"):
                continue
            with open(os.path.join(folder, file), "rb") as opened:
                recording = Recording(stem, opened.read(), BODIES[kind])
            head = os.path.join(folder, stem + ".head.txt")
            if os.path.exists(head):
                with open(head, encoding="utf-8") as opened:
                    recording.read_head(opened.read())
            self.recordings[stem] = recording
        if not self.recordings:
            raise SystemExit("wfm-simulator: no recordings in %s" % folder)

    def choose(self, path, name):
        """Answer a path with a named recording, or as usual with None."""
        if name is not None and name not in self.recordings:
            raise ValueError("no recording is called %s" % name)
        with self._lock:
            if name is None:
                self._chosen.pop(path, None)
            else:
                self._chosen[path] = name

    def find(self, rest):
        """The recording for a path below a dialect's base, or None."""
        match = re.match(r"([a-z]+)\.api/([\w-]+)(?:/(.+))?\Z", rest)
        if match is None:
            return None
        resource, action, key = match.groups()
        path = "%s.api/%s" % (resource, action)
        with self._lock:
            name = self._chosen.get(rest) or self._chosen.get(path)
        if name is not None:
            return self.recordings[name]
        base = "%s__%s" % (resource, action.replace("-", "_"))
        names = [base] + [n for n in self.recordings if n.startswith(base + "__")]
        for name in names:
            recording = self.recordings.get(name)
            if recording is not None and recording.status == 200 and (
                    recording.key is None or key is None
                    or recording.key == urllib.parse.unquote(key)):
                return recording
        return None

    def answer(self, rest, request):
        recording = self.find(rest) if request.method == "GET" else None
        if recording is None:
            text = "no recording of %s %s; there are:\n%s\n" % (
                request.method, rest, "\n".join(self.recordings))
            return Response(404, text.encode("utf-8"), content_type="text/plain; charset=utf-8")
        return Response(recording.status, recording.body, recording.headers,
                        content_type=recording.content_type)

    def state(self):
        with self._lock:
            return {"folder": self.folder, "chosen": dict(self._chosen),
                    "recordings": {name: r.status for name, r in self.recordings.items()}}
