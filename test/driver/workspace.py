"""A temporary folder, a private PostgreSQL in it, and every process started.

PostgreSQL does not run as root, so tasks run as the user "postgres" when the
driver is root, and that user may not be able to read the source tree: what
tasks need is copied.  Nothing is installed into the machine's PostgreSQL: its
programs find their libraries and scripts relative to their own place, so a
copy of their folders below another root works there.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# Where test/install-packages puts programs; another tree's for a copy of one.
PROGRAMS = pathlib.Path(os.environ.get("WFM_PROGRAMS") or REPOSITORY / "build/programs")
MARK = "WFM_TEST_WORKSPACE"
# The extension that is installed already, by a package, is tested; nothing is built.
INSTALLED = bool(os.environ.get("WFM_TEST_INSTALLED"))
# The memory of one process, in bytes: one that runs away ends, not the machine.
# What watches memory maps terabytes.
MEMORY_LIMIT = 0 if os.environ.get("WFM_TEST_WATCHED") else 4 << 30
# How long a program may take to end when asked to, in seconds.
END_LIMIT = 5


class StepFailed(Exception):
    """A step that is no test failed; the message is for the user."""


class Workspace:
    """The folder of one run and what runs in it."""

    def __init__(self, name):
        # Not $TMPDIR: the path of a socket is limited to about 100 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp("", "wfm_%s_" % name, "/tmp")).resolve()
        self.folder.chmod(0o755)
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            self._require_user()
        self.logs = self.make_folder("logs")
        self.source = self.folder / "source"
        self.pg = None
        self._crashing_pg = None
        self._walkthrough = None
        self._lock = threading.Lock()
        # Held while a program starts, so that end_processes() finds it.  This
        # thread may be interrupted right there, and then needs it again.
        self._ending = False
        self._starting = threading.RLock()

    def _require_user(self):
        try:
            pwd.getpwnam(self.user)
        except KeyError:
            self.remove()
            raise StepFailed("there is no user postgres to run the servers as") from None

    # --- files -----------------------------------------------------------

    def make_folder(self, relative):
        """A folder that tasks may write to."""
        folder = self.folder / relative
        folder.mkdir(parents=True, exist_ok=True)
        self.give(folder)
        return folder

    def give(self, path):
        """Hands a file or folder to the user the tasks run as."""
        if self.user:
            shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)

    def copy_source(self):
        """Copies what tasks read out of the source tree."""
        self.source.mkdir(exist_ok=True)
        for name in ("sql", "expected", "test", "doc", "src", "debian"):
            origin = REPOSITORY / name
            if origin.is_dir():
                shutil.copytree(
                    origin,
                    self.source / name,
                    ignore=shutil.ignore_patterns("__pycache__", "*.o", "*.d"),
                )
        if PROGRAMS.is_dir():
            shutil.copytree(PROGRAMS, self.source / "build/programs")
        for pattern in ("*.md", "META.json", "wfm_fdw.control", "wfm_fdw--*.sql"):
            for origin in REPOSITORY.glob(pattern):
                shutil.copy(origin, self.source)
        make_readable(self.source)

    def _samples_origin(self):
        return pathlib.Path(
            os.environ.get("WFM_SAMPLES") or REPOSITORY.parent / "shared" / "api" / "samples"
        )

    def samples(self):
        """Recorded answers of the API, where a copy lies beside the source
        tree; they are not part of it.  Returns an empty text otherwise."""
        origin = self._samples_origin()
        if not origin.is_dir():
            return ""
        with self._lock:
            target = self.folder / "samples"
            if not target.exists():
                shutil.copytree(origin, target)
                make_readable(target)
        return target

    def specification(self, name):
        """A specification of the vendor's, which lies beside the samples; an
        empty text where there is none."""
        origin = self._samples_origin().parent / "spec" / name
        if not origin.is_file():
            return ""
        target = self.folder / name
        shutil.copy(origin, target)
        target.chmod(0o644)
        return target

    def trim(self):
        """Leaves the logs and data of a run that failed."""
        for name in ("root", "crashroot", "oldroot", "walkroot", "walkthrough", "source", "samples", "modules", "tmp", "s", "ports"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- processes -------------------------------------------------------

    def environment(self, pg=None, **extra):
        """The environment of a task: no setting of the caller's PostgreSQL or
        make, and the mark by which end_processes() finds what was started."""
        pg = pg or self.pg
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PG", "MAKE", "MFLAGS", "GIT_", "LC_", "LANG", "PERL5"))
        }
        kept.update(
            {
                MARK: str(self.folder),
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                "TMPDIR": str(self.folder / "tmp"),
                "PYTHONDONTWRITEBYTECODE": "1",
                # pg_ctl's patience, in seconds; its own is for quiet machines
                "PGCTLTIMEOUT": "300",
            }
        )
        if pg:
            kept["PATH"] = "%s:%s" % (pg.bin, kept.get("PATH", "/usr/bin:/bin"))
        kept.update({key: str(value) for key, value in extra.items()})
        return kept

    def start(self, command, log, cwd=None, env=None, as_caller=False):
        """Starts a program in a session of its own, output to the file log."""
        identity = {}
        if MEMORY_LIMIT and not as_caller:
            command = ["prlimit", "--data=%d" % MEMORY_LIMIT, "--", *command]
        if self.user and not as_caller:
            entry = pwd.getpwnam(self.user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with self._starting:
            if self._ending:
                raise StepFailed("the run is ending")
            self.make_folder("tmp")
            with open(log, "ab") as output:
                return subprocess.Popen(
                    [str(word) for word in command],
                    cwd=cwd or self.folder,
                    env=env or self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o022,
                    **identity,
                )

    def run(self, command, log, timeout=600, **how):
        """Runs a program to its end; returns its exit code."""
        process = self.start(command, log, **how)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            with open(log, "a", encoding="utf-8") as output:
                output.write("\nended after %d s, its time limit\n" % timeout)
            return 124
        finally:
            end_session(process)

    def step(self, what, command, **how):
        """Runs a program that has to succeed."""
        log = self.logs / (what.replace(" ", "_") + ".log")
        if self.run(command, log, **how) != 0:
            raise StepFailed("%s failed:\n%s" % (what, tail(log, 40)))

    def output(self, command, **how):
        """Runs a program that has to succeed; returns what it printed."""
        handle, log = tempfile.mkstemp(dir=self.logs)
        os.close(handle)
        try:
            if self.run(command, log, **how) != 0:
                raise StepFailed("%s failed:\n%s" % (command[0], tail(log, 40)))
            return pathlib.Path(log).read_text(encoding="utf-8")
        finally:
            os.unlink(log)

    def processes(self):
        """Processes of this run: they carry the mark, or stand in the folder
        (a server process overwrites its environment with its title)."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                if self._is_ours(entry):
                    found.append(int(entry.name))
        return found

    def _is_ours(self, entry):
        try:
            mark = ("%s=%s" % (MARK, self.folder)).encode()
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                return True
            cwd = os.readlink(entry / "cwd")
            return cwd == str(self.folder) or cwd.startswith("%s/" % self.folder)
        except OSError:
            return False

    def end_processes(self):
        """Ends whatever is still running, firmer each time, and starts nothing
        any more."""
        with self._starting:
            self._ending = True
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            for pid in self.processes():
                send(pid, number)
            deadline = time.monotonic() + 2
            while self.processes():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            else:
                return

    # --- PostgreSQL ------------------------------------------------------

    def build_and_install(self):
        """Builds the extension in the source tree and installs it into a
        private copy of PostgreSQL, self.pg."""
        if INSTALLED:
            self.pg = PrivatePostgres(find_pg_config(), self.folder / "root")
        else:
            self.pg = self._install(REPOSITORY, "root")

    def crashing_pg(self):
        """Another copy, whose wfm_fdw has the crash points compiled in.  It is
        built in a mirror of the sources, which stays for the next time."""
        with self._lock:
            if self._crashing_pg is None:
                mirror = REPOSITORY / "build" / "crashpoints"
                mirror_sources(mirror)
                self._crashing_pg = self._install(mirror, "crashroot", "WFM_CRASHPOINTS=1")
            return self._crashing_pg

    def walkthrough(self):
        """Another copy, of sources to which doc/contributing.md was done, and
        the folder of those."""
        with self._lock:
            if self._walkthrough is None:
                tree = self.folder / "walkthrough"
                mirror_sources(tree)
                for name in ("test", "doc"):
                    shutil.copytree(self.source / name, tree / name)
                script = tree / "test" / "walkthrough.py"
                command = [sys.executable, script, tree]
                self.step("walk through contributing", command, as_caller=True)
                make_readable(tree)
                self._walkthrough = self._install(tree, "walkroot"), tree
            return self._walkthrough

    def module(self, name):
        """Builds the test library test/modules/NAME, which its Makefile puts
        into build/NAME; a copy lies in self.folder/modules.  It is written
        once: servers of other tests may be running what is there."""
        with self._lock:
            folder = self.folder / "modules"
            folder.mkdir(exist_ok=True)
            if (folder / (name + ".so")).exists():
                return
            built = REPOSITORY / "build" / name / (name + ".so")
            command = ["make", "-C", REPOSITORY / "test/modules" / name, "--no-print-directory"]
            command.append("PG_CONFIG=%s" % find_pg_config())
            self.step("build " + name, command, as_caller=True)
            shutil.copy(built, folder)
            make_readable(folder)

    def old_pg(self):
        """The PostgreSQL of $WFM_OLD_PG_CONFIG with the extension, built in a
        mirror of the sources; None where there is none."""
        pg_config = os.environ.get("WFM_OLD_PG_CONFIG")
        if not pg_config:
            return None
        mirror = REPOSITORY / "build" / "old"
        mirror_sources(mirror)
        return self._install(mirror, "oldroot", pg_config=pg_config)

    def old_version(self):
        """Lets the private PostgreSQL make an earlier version of the extension
        and update it."""
        with self._lock:
            scripts = self.pg.share / "extension"
            command = [sys.executable, REPOSITORY / "test/update/install", scripts]
            self.step("install the old version", command, as_caller=True)
            make_readable(scripts)

    def _install(self, tree, root, *settings, pg_config=None):
        """Builds in a tree; installs below self.folder/root."""
        pg_config = pg_config or find_pg_config()
        make = ["make", "-C", tree, "--no-print-directory", "with_llvm=no", *settings]
        make.append("PG_CONFIG=%s" % pg_config)
        jobs = "-j%d" % (os.cpu_count() or 1)
        environment = self.environment()
        self.step("build " + root, make + [jobs], as_caller=True, env=environment)
        pg = PrivatePostgres(pg_config, self.folder / root)
        install = make + ["install", "DESTDIR=%s" % pg.root]
        self.step("install " + root, install, as_caller=True, env=environment)
        return pg


def find_pg_config():
    """The absolute path of the machine's pg_config: tasks have the private
    copy's in their PATH."""
    name = os.environ.get("PG_CONFIG") or "pg_config"
    found = shutil.which(name)
    if found is None:
        raise StepFailed("%s not found: set PG_CONFIG to the path of pg_config" % name)
    return found


def mirror_sources(mirror):
    """Makes mirror hold what the library is built from, files unchanged since
    the last time with the times they had."""
    for old in [*mirror.glob("src/**/*.[ch]"), *mirror.glob("*.sql")]:
        if not (REPOSITORY / old.relative_to(mirror)).exists():
            old.unlink()
    shutil.copytree(
        REPOSITORY / "src",
        mirror / "src",
        ignore=shutil.ignore_patterns("*.[od]", "*.bc", "*.gc*"),
        dirs_exist_ok=True,
    )
    for name in [*REPOSITORY.glob("*.sql"), REPOSITORY / "Makefile", REPOSITORY / "wfm_fdw.control"]:
        shutil.copy2(name, mirror)


class PrivatePostgres:
    """A copy of an installed PostgreSQL below another root."""

    def __init__(self, pg_config, root):
        self.root = root
        self.bin = self._copy(pg_config, "--bindir")
        self.lib = self._copy(pg_config, "--pkglibdir")
        self.share = self._copy(pg_config, "--sharedir")
        self.pgxs_test = self.lib / "pgxs" / "src" / "test"
        version = subprocess.run(
            [pg_config, "--version"], check=True, capture_output=True, text=True
        )
        self.version = version.stdout.strip()

    def _copy(self, pg_config, option):
        answer = subprocess.run([pg_config, option], check=True, capture_output=True, text=True)
        origin = pathlib.Path(answer.stdout.strip())
        target = self.root / origin.relative_to("/")
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("man", "bitcode"))
        make_readable(target)
        return target

    def program(self, name):
        return self.bin / name

    def pgxs_program(self, folder, name):
        path = self.pgxs_test / folder / name
        if not path.exists():
            raise StepFailed("%s is not there: it comes with PostgreSQL's client package" % name)
        return path


def make_readable(folder):
    """Lets every user read a folder of ours."""
    for path, folders, files in os.walk(folder):
        for name in folders + files + ["."]:
            target = os.path.join(path, name)
            if not os.path.islink(target):
                mode = os.stat(target).st_mode
                executable = 0o111 if mode & 0o100 else 0
                os.chmod(target, mode | 0o444 | executable)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_session(process):
    """Ends what is left of the process group that start() made.  Waits no
    longer than twice END_LIMIT: a wait of the same process that an interrupt
    broke off may have left it locked."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + END_LIMIT
    while time.monotonic() < deadline:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_LIMIT)


def tail(path, lines):
    """The last lines of a text file that may be absent."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
