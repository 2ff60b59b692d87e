"""How soon many sessions have a token that one of them has asked for.

Each round the grant starts anew, so that there is no token, and the provider
takes its time; meanwhile all sessions come to wait.  What is measured is from
the provider's answer, which the new token is stored after, to the end of the
last session's statement, by the clocks of both sides, which are one.
"""

import json
import pathlib
import urllib.request

from driver.servers import Simulator
from driver.workspace import StepFailed

SESSIONS = 64
PROVIDER_TAKES = 3  # s
SCRIPT = "SELECT expires_at > now() FROM wfm_identity('herd');\n"
CONNECTION = """
INSERT INTO wfm_connections (name, api, client_id, client_secret, tenant_id, token_url)
VALUES ('herd', 'practicemanager/3.1', 'sim-client', 'sim-secret', '%s', '%s/connect/token')
"""


class Herd:
    """The sessions, their server and their provider."""

    def __init__(self, workspace, server):
        self.workspace = workspace
        self.server = server
        self.provider = Simulator(workspace, "herd", ["--clients", "1", "--jobs", "1", "--time", "1"])
        self.folder = workspace.make_folder("herd")
        (self.folder / "script.sql").write_text(SCRIPT)
        self._psql(CONNECTION % (self.provider.tenant("PRACTICEMANAGER"), self.provider.url))

    def _psql(self, statement):
        return self.server.psql("postgres", "-q", "-At", "-c", statement)

    def _tell_provider(self, path, what):
        request = urllib.request.Request(
            "%s/_control/%s" % (self.provider.url, path), json.dumps(what).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _answers_since(self, mark):
        lines = self.provider.control("log?since=%d" % mark).splitlines()
        return [json.loads(line) for line in lines if line]

    def round(self):
        """(token requests, seconds from the answer to the last session)."""
        grant = self._tell_provider("tokens", {"new_grant": {"client_id": "sim-client"}})
        self._tell_provider("faults", {
            "match": {"path": "/connect/token"}, "count": 1, "action": {"delay": PROVIDER_TAKES}})
        mark = json.loads(self.provider.control("state"))["last_seq"]
        for log in self.folder.glob("log.*"):
            log.unlink()
        self._psql("UPDATE wfm_connections SET refresh_token = '%s' WHERE name = 'herd'"
                   % grant["refresh_token"])
        self.workspace.step("sessions", [
            self.workspace.pg.program("pgbench"), "-n", "-c", SESSIONS, "-j", 2, "-t", 1,
            "-f", self.folder / "script.sql", "-l", "--log-prefix", self.folder / "log",
            *self.server.address(), "-U", "postgres", "postgres"])
        requests = [a for a in self._answers_since(mark) if a["path"] == "/connect/token"]
        ends = [end for log in self.folder.glob("log.*") for end in ends_of(log)]
        if not requests or len(ends) != SESSIONS:
            raise StepFailed("%d requests, %d sessions" % (len(requests), len(ends)))
        answered = max(a["time"] + a["duration"] for a in requests)
        return len(requests), max(ends) - answered

    def stop(self):
        self._psql("DELETE FROM wfm_connections WHERE name = 'herd'")
        self.provider.stop()


def ends_of(log):
    """When each transaction of a pgbench log ended, in seconds since 1970."""
    for line in pathlib.Path(log).read_text().splitlines():
        words = line.split()
        yield int(words[4]) + int(words[5]) / 1e6
