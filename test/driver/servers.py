"""The two servers a test or the demo talks to: PostgreSQL and the simulator."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

from .workspace import StepFailed, end_session, tail

START_LIMIT = 60  # seconds; a machine under load needs some

# What is the same for every server of the tests.  fsync is off because the
# data is thrown away, the two wfm_fdw settings because the simulator speaks
# plain http on the loopback interface and because a key belongs to one run.
SETTINGS = """
shared_preload_libraries = 'wfm_fdw'
wfm_fdw.allow_insecure_loopback = on
wfm_fdw.key_file = '{key_file}'
listen_addresses = ''
unix_socket_directories = '{sockets}'
fsync = off
synchronous_commit = off
max_connections = 40
log_line_prefix = '%m [%p] %b %a '
"""


def python():
    """A Python that every user can run (the caller's may be in a home)."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


class Simulator:
    """A running wfm-simulator."""

    def __init__(self, workspace, name, options=()):
        self.log = workspace.logs / ("simulator_%s.log" % name)
        port_file = workspace.make_folder("simulator_%s" % name) / "port"
        program = workspace.source / "test" / "simulator" / "wfm-simulator"
        command = [python(), program, "--port", "0", "--port-file", port_file, *options]
        self.process = workspace.start(command, self.log)
        self.port = int(self._wait_for(port_file))
        self.url = "http://127.0.0.1:%d" % self.port

    def control(self, path):
        """What GET /_control/PATH answers, a text."""
        with urllib.request.urlopen("%s/_control/%s" % (self.url, path), timeout=30) as answer:
            return answer.read().decode("utf-8")

    def tenant(self, kind):
        """The id of the first tenant of a type."""
        tenants = json.loads(self.control("state"))["tenants"]
        return next(t["tenant_id"] for t in tenants if t["type"] == kind)

    def environment(self):
        """What SQL files read with \\getenv."""
        return {
            "WFM_SIM_URL": self.url,
            "WFM_SIM_PRACTICEMANAGER": self.tenant("PRACTICEMANAGER"),
            "WFM_SIM_WORKFLOWMAX": self.tenant("WORKFLOWMAX"),
        }

    def _wait_for(self, port_file):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if port_file.exists() and port_file.read_text().strip():
                return port_file.read_text().strip()
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise StepFailed("the simulator did not start:\n%s" % tail(self.log, 40))

    def stop(self):
        end_session(self.process)


class PostgresServer:
    """A cluster of its own, running."""

    def __init__(self, workspace, name, settings=""):
        self.workspace = workspace
        self.folder = workspace.make_folder(name)
        self.data = self.folder / "data"
        self.log = workspace.logs / ("postgres_%s.log" % name)
        # A socket's path is limited to about 100 bytes.
        self.sockets = workspace.make_folder("s")
        self.port = 5432
        self._init(name, settings)
        self._start()

    def _init(self, name, settings):
        command = [
            self.workspace.pg.program("initdb"),
            "--pgdata", self.data, "--username", "postgres", "--auth", "trust",
            "--encoding", "UTF8", "--no-locale", "--no-sync",
        ]
        self.workspace.step("initdb %s" % name, command)
        text = SETTINGS.format(key_file=self.folder / "wfm_fdw.key", sockets=self.sockets)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(text + settings)

    def _start(self):
        command = [self.workspace.pg.program("postgres"), "-D", self.data]
        self.process = self.workspace.start(command, self.log)
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self._is_ready():
                return
            time.sleep(0.02)
        self.stop()
        raise StepFailed("PostgreSQL did not start:\n%s" % tail(self.log, 40))

    def _is_ready(self):
        """The last line of postmaster.pid says so."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def psql(self, database, *arguments, **environment):
        """Runs psql; returns what it printed."""
        command = [
            self.workspace.pg.program("psql"), "-X", "-v", "ON_ERROR_STOP=1", *self.address(),
            "-U", "postgres", "-d", database, *arguments,
        ]
        return self.workspace.output(command, env=self.workspace.environment(**environment))

    def address(self):
        return ["-h", self.sockets, "-p", str(self.port)]

    def stop(self):
        """Ends sessions at once and shuts down."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
        end_session(self.process)
