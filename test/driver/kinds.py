"""The kinds of tests: how each is found and run.

A task is what runs at one time: a Perl file, the regression tests with their
server, the C programs.  Tasks of different kinds run side by side.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import time
from typing import Callable

from . import results
from .servers import PostgresServer, Simulator, python
from .workspace import INSTALLED, REPOSITORY, StepFailed, make_readable, tail

# Small data for the SQL tests, the same on every day: the expected output holds
# figures of it.  The limits are wide, since all files share one tenant.
SQL_DATA = ["--clients", "30", "--jobs", "120", "--time", "1500", "--today", "2026-06-30"]
SQL_DATA += ["--minute-limit", "100000", "--day-limit", "1000000", "--concurrent-limit", "50"]

# Seconds for the regression tests; memcheck takes thirty times as long.
SQL_LIMIT = 7200 if os.environ.get("WFM_TEST_WATCHED") == "valgrind" else 600


@dataclasses.dataclass(frozen=True)
class Task:
    """One thing to run; run() returns the outcomes and what to show when one
    of them is a failure."""

    name: str
    run: Callable
    # Not beside others: what it measures would suffer.
    alone: bool = False


class Selection:
    """The words given to "make test TESTS=…": a kind, or kind:part-of-a-name."""

    def __init__(self, words):
        self._words = [tuple(word.partition(":")[::2]) for word in words]
        unknown = [kind for kind, _ in self._words if kind not in KINDS]
        if unknown:
            raise StepFailed(
                "no such kind of tests: %s (there are: %s)"
                % (", ".join(unknown), ", ".join(KINDS))
            )

    def kind(self, kind):
        if not self._words:
            return kind not in ASKED_FOR
        return any(word == kind for word, _ in self._words)

    def names(self, kind, names):
        """Those of the names that were asked for."""
        parts = [part for word, part in self._words if word == kind]
        if not parts or "" in parts:
            return names
        return [name for name in names if any(part in name for part in parts)]

    def pattern(self, kind):
        """The part of a name asked for, or None."""
        parts = [part for word, part in self._words if word == kind and part]
        return parts[0] if parts else None


# --- regression and isolation tests ------------------------------------------


def sql_tasks(workspace, selection):
    """The regression and the isolation tests share one server."""
    plans = []
    for kind, inputs, extension, program in (
        ("regress", ".", "sql", ("regress", "pg_regress")),
        ("isolation", "test/isolation", "spec", ("isolation", "pg_isolation_regress")),
    ):
        folder = "specs" if extension == "spec" else "sql"
        found = sorted(p.stem for p in (REPOSITORY / inputs / folder).glob("*." + extension))
        names = selection.names(kind, found) if selection.kind(kind) else []
        if names:
            plans.append((kind, inputs, program, names))
    if not plans:
        return []
    title = " and ".join(plan[0] for plan in plans)
    return [Task(title, lambda: run_sql(workspace, plans))]


def run_sql(workspace, plans):
    simulator = Simulator(workspace, "sql", SQL_DATA)
    server = None
    try:
        server = PostgresServer(workspace, "sql")
        outcomes, shown = [], ""
        for kind, inputs, program, names in plans:
            more, text = run_pg_regress(workspace, server, simulator, kind, inputs, program, names)
            outcomes += more
            shown += text
        if results.count(outcomes, results.FAILED):
            shown += "\n--- the server's last words\n%s\n" % tail(server.log, 30)
        return outcomes, shown
    finally:
        if server:
            server.stop()
        simulator.stop()


def run_pg_regress(workspace, server, simulator, kind, inputs, program, names):
    """pg_regress and its isolation twin take the same options."""
    output = workspace.make_folder("out_%s" % kind)
    prepare_expected(workspace, inputs, names)
    log = workspace.logs / ("%s.log" % kind)
    command = [
        workspace.pg.pgxs_program(*program),
        "--bindir=%s" % workspace.pg.bin,
        "--inputdir=%s" % (workspace.source / inputs),
        "--outputdir=%s" % output,
        "--host=%s" % server.sockets, "--port=%d" % server.port, "--user=postgres",
        "--dbname=%s_wfm_fdw" % kind, "--load-extension=wfm_fdw",
        *names,
    ]
    environment = workspace.environment(
        PGOPTIONS=session_settings(simulator),
        WFM_SQL=workspace.source / "test/sql",
        WFM_CONTROL="%s %s" % (python(), workspace.source / "test/sql/control.py"),
        **simulator.environment(),
    )
    code = workspace.run(command, log, timeout=SQL_LIMIT, env=environment)
    text = log.read_text(encoding="utf-8", errors="replace")
    outcomes = results.with_exit_code(results.parse_regress(text, kind), code, kind)
    shown = ""
    if results.count(outcomes, results.FAILED):
        shown = head(output / "regression.diffs", 150) or tail(log, 20)
        if os.environ.get("WFM_TEST_ACCEPT"):
            accept(output / "results", REPOSITORY / inputs / "expected", names)
    return outcomes, shown


def session_settings(simulator):
    """A spec of isolationtester knows no environment: its setup reads these
    by current_setting()."""
    return "-c wfm_test.url=%s -c wfm_test.tenant=%s" % (
        simulator.url, simulator.tenant("PRACTICEMANAGER"))


def prepare_expected(workspace, inputs, names):
    """pg_regress gives up over a test without expected output: an empty one
    shows the whole output as the difference."""
    folder = workspace.source / inputs / "expected"
    folder.mkdir(exist_ok=True)
    for name in names:
        if not list(folder.glob(name + "*.out")):
            (folder / (name + ".out")).touch(mode=0o644)


def accept(printed, expected, names):
    """Makes what the tests printed the expected output."""
    expected.mkdir(exist_ok=True)
    for name in names:
        if (printed / (name + ".out")).exists():
            shutil.copyfile(printed / (name + ".out"), expected / (name + ".out"))


# --- Perl tests --------------------------------------------------------------


def tap_tasks(workspace, selection):
    if not selection.kind("tap"):
        return []
    files = {p.stem: p for p in sorted((REPOSITORY / "test/tap/t").glob("*.pl"))}
    tasks = []
    for name in selection.names("tap", list(files)):
        wishes = wishes_of(files[name])
        run = run_later(run_tap, workspace, "tap", files[name], wishes)
        if INSTALLED and any(re.match("crashpoints|module:", wish) for wish in wishes):
            run = run_later(skip, "tap/%s" % name, "needs a library of its own")
        tasks.append(Task("tap/%s" % name, run, "alone" in wishes))
    return tasks


def run_later(function, *arguments):
    return lambda: function(*arguments)


def skip(name, why):
    return [results.Outcome(name, results.SKIPPED, why)], ""


def wishes_of(path):
    """Words after "# wfm-test:" in the first lines of a test: "alone" is not
    run beside others, "crashpoints" gets a library that has them, "module:NAME"
    finds test/modules/NAME built in $WFM_MODULES, "old-version" can make the
    extension in the version of test/update, "walkthrough" runs with sources to
    which doc/contributing.md was done."""
    with open(path, encoding="utf-8") as lines:
        for _, line in zip(range(30), lines):
            found = re.match(r"#\s*wfm-test:\s*(.*)", line)
            if found:
                return found[1].split()
    return []


def run_tap(workspace, kind, path, wishes, **extra):
    """Runs one Perl file; its servers are in a folder of its own."""
    name = path.stem
    pg = workspace.crashing_pg() if "crashpoints" in wishes else workspace.pg
    source_tree = workspace.source
    if "walkthrough" in wishes:
        pg, source_tree = workspace.walkthrough()
    for wish in wishes:
        what, _, module = wish.partition(":")
        if what == "module":
            workspace.module(module)
        if what == "old-version":
            workspace.old_version()
    folder = workspace.make_folder("%s_%s" % (kind, name))
    perl = pg.pgxs_program("perl", "PostgreSQL").parent
    environment = workspace.environment(
        pg,
        TESTDIR=folder,
        TESTDATADIR=folder / "tmp_check",
        TESTLOGDIR=folder / "log",
        PG_REGRESS=pg.pgxs_program("regress", "pg_regress"),
        PG_TEST_PORT_DIR=workspace.make_folder("ports"),
        WFM_SOURCE=source_tree,
        WFM_MODULES=workspace.folder / "modules",
        WFM_SAMPLES=workspace.samples(),
        WFM_PYTHON=python(),
        **extra,
    )
    log = workspace.logs / ("%s_%s.log" % (kind, name))
    script = workspace.source / path.relative_to(REPOSITORY)
    command = ["perl", "-I", perl, "-I", workspace.source / "test/perl", "-I", script.parent]
    if os.environ.get("WFM_TEST_WATCHED"):
        command.append("-MWfmWatched")
    command.append(script)
    code = workspace.run(command, log, cwd=folder, env=environment, timeout=900)
    source = "%s/%s" % (kind, name)
    text = log.read_text(encoding="utf-8", errors="replace")
    outcomes = results.with_exit_code(results.parse_tap(text, source), code, source)
    shown = ""
    if results.count(outcomes, results.FAILED):
        shown = failing_lines(text)
        for server_log in sorted(folder.glob("**/log/*")):
            shown += "\n--- %s\n%s\n" % (server_log.name, tail(server_log, 30))
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcomes, shown


def failing_lines(text):
    """A TAP stream without the tests that passed."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"\s*ok\b", line))


# --- against an OAuth server of others ----------------------------------------


def interop_tasks(workspace, selection):
    """test/interop; only when asked for, since it needs npm's packages and a
    browser, which "make interop" installs."""
    if not selection.kind("interop"):
        return []
    files = {p.stem: p for p in sorted((REPOSITORY / "test/interop").glob("*.pl"))}
    return [
        Task("interop/%s" % name, run_later(run_interop, workspace, files[name]))
        for name in selection.names("interop", list(files))
    ]


def run_interop(workspace, path):
    """A Perl file like the others, with the packages where Node.js looks."""
    installed = REPOSITORY / "build/interop/node_modules"
    if not installed.is_dir():
        raise StepFailed("the npm packages are missing: run \"make interop\"")
    target = workspace.source / "test/interop/node_modules"
    shutil.copytree(installed, target)
    make_readable(target)
    return run_tap(workspace, "interop", path, wishes_of(path))


# --- real clients -------------------------------------------------------------


def clients_tasks(workspace, selection):
    """test/clients; only when asked for, since it needs the drivers and the
    Java that "make clients" installs."""
    if not selection.kind("clients"):
        return []
    files = {p.stem: p for p in sorted((REPOSITORY / "test/clients").glob("*.pl"))}
    return [
        Task("clients/%s" % name, run_later(run_tap, workspace, "clients", files[name], []))
        for name in selection.names("clients", list(files))
    ]


# --- another version of PostgreSQL ---------------------------------------------


def upgrade_tasks(workspace, selection):
    """test/upgrade; only when asked for, since it needs two versions of
    PostgreSQL, which "make test-upgrade" brings together."""
    if not selection.kind("upgrade"):
        return []
    files = {p.stem: p for p in sorted((REPOSITORY / "test/upgrade").glob("*.pl"))}
    return [
        Task("upgrade/%s" % name, run_later(run_upgrade, workspace, files[name]))
        for name in selection.names("upgrade", list(files))
    ]


def run_upgrade(workspace, path):
    """A Perl file like the others, with $WFM_OLD_ROOT."""
    old = workspace.old_pg()
    if old is None:
        return skip("upgrade/%s" % path.stem, "WFM_OLD_PG_CONFIG names no other PostgreSQL")
    return run_tap(workspace, "upgrade", path, [], WFM_OLD_ROOT=old.bin.parent)


# --- C programs --------------------------------------------------------------


def unit_tasks(workspace, selection):
    if not selection.kind("unit") or not (REPOSITORY / "test/unit/Makefile").exists():
        return []
    return [Task("unit", run_later(run_unit, workspace, selection.pattern("unit")))]


def run_unit(workspace, pattern):
    """test/unit/Makefile builds and runs the programs; it announces each one
    by a line "# NAME", and each prints TAP."""
    make = ["make", "-C", REPOSITORY / "test/unit", "--no-print-directory"]
    names = [pathlib.Path(p).name for p in workspace.output(make + ["-s", "list"], as_caller=True).split()]
    if pattern:
        names = [name for name in names if pattern in name]
    if not names:
        return [], ""
    make += ["PROGRAMS=%s" % " ".join(names), "SAMPLES=%s" % workspace.samples()]
    workspace.step("build unit tests", make + ["-j2", "all"], as_caller=True)
    log = workspace.logs / "unit.log"
    code = workspace.run(make + ["check"], log, as_caller=True)
    outcomes, shown = [], ""
    text = log.read_text(encoding="utf-8", errors="replace")
    for name, part in split_programs(text, names):
        source = "unit/%s" % name
        more = results.parse_tap(part, source)
        if results.count(more, results.FAILED):
            shown += "%s\n%s\n" % (source, failing_lines(part))
        outcomes += more
    return results.with_exit_code(outcomes, code, "unit"), shown


def fuzz_tasks(workspace, selection):
    if not selection.kind("fuzz") or not (REPOSITORY / "test/fuzz/Makefile").exists():
        return []
    return [Task("fuzz", run_later(run_fuzz, workspace, selection.pattern("fuzz")))]


def run_fuzz(workspace, pattern):
    """test/fuzz/Makefile builds the targets, runs each over a fixed number of
    inputs, and prints one TAP line for each."""
    make = ["make", "-C", REPOSITORY / "test/fuzz", "--no-print-directory", "-s"]
    log = workspace.logs / "fuzz.log"
    if pattern:
        make.append("TARGETS=%s" % pattern)
    code = workspace.run(make + ["check"], log, as_caller=True)
    text = log.read_text(encoding="utf-8", errors="replace")
    outcomes = results.with_exit_code(results.parse_tap(text, "fuzz"), code, "fuzz")
    return outcomes, text if results.count(outcomes, results.FAILED) else ""


def split_programs(text, names):
    """(name, output) of each program; one that was never announced has none."""
    parts = dict.fromkeys(names, "")
    current = None
    for line in text.splitlines():
        if line.startswith("# ") and line[2:] in parts:
            current = line[2:]
        elif current:
            parts[current] += line + "\n"
    return parts.items()


# --- Python tests ------------------------------------------------------------


def unittest_tasks(workspace, selection):
    """The simulator's tests and the driver's own."""
    tasks = []
    for kind in ("simulator", "driver"):
        if selection.kind(kind) and (REPOSITORY / "test" / kind / "tests").is_dir():
            pattern = selection.pattern(kind)
            tasks.append(Task(kind, run_later(run_unittest, workspace, kind, pattern)))
    return tasks


def run_unittest(workspace, kind, pattern):
    # The simulator's package is imported by its own name, the driver's as "driver".
    top = workspace.source / "test" / ("simulator" if kind == "simulator" else "")
    runner = workspace.source / "test" / "driver" / "unittest_tap.py"
    folder = workspace.source / "test" / kind / "tests"
    log = workspace.logs / ("%s.log" % kind)
    command = [python(), runner, folder, top] + ([pattern] if pattern else [])
    environment = workspace.environment(WFM_SAMPLES=workspace.samples())
    code = workspace.run(command, log, env=environment)
    text = log.read_text(encoding="utf-8", errors="replace")
    outcomes = results.with_exit_code(results.parse_tap(text, kind), code, kind)
    shown = failing_lines(text) if results.count(outcomes, results.FAILED) else ""
    return outcomes, shown


# --- the vendor's specification ----------------------------------------------

SPECIFICATION = "xero-practicemanager-v3-1.yaml"


def spec_tasks(workspace, selection):
    if not selection.kind("spec"):
        return []
    return [Task("spec", run_later(run_spec, workspace))]


def run_spec(workspace):
    """test/spec_coverage.py prints TAP; without the specification it is one
    test that was skipped."""
    specification = workspace.specification(SPECIFICATION)
    if not specification:
        why = "the vendor's specification is not beside the source tree"
        return [results.Outcome("spec: %s" % SPECIFICATION, results.SKIPPED, why)], ""
    log = workspace.logs / "spec.log"
    command = [python(), workspace.source / "test/spec_coverage.py", specification]
    code = workspace.run(command, log)
    text = log.read_text(encoding="utf-8", errors="replace")
    outcomes = results.with_exit_code(results.parse_tap(text, "spec"), code, "spec")
    return outcomes, failing_lines(text) if results.count(outcomes, results.FAILED) else ""


# --- all of them -------------------------------------------------------------

# In the order in which their tasks start: the longest first.
FINDERS = [sql_tasks, tap_tasks, unittest_tasks, unit_tasks, fuzz_tasks, spec_tasks, interop_tasks, clients_tasks, upgrade_tasks]
KINDS = ["regress", "isolation", "tap", "unit", "fuzz", "simulator", "driver", "spec", "interop", "clients", "upgrade"]
# Kinds that run only when they are named.
ASKED_FOR = {"interop", "clients", "upgrade"}
# Kinds that need the extension built and a PostgreSQL.
SERVER_KINDS = {"regress", "isolation", "tap", "interop", "clients", "upgrade"}


def find_tasks(workspace, selection):
    return [task for finder in FINDERS for task in finder(workspace, selection)]


def run_task(task):
    """Runs a task; a step that fails is a failed test."""
    started = time.monotonic()
    try:
        outcomes, shown = task.run()
    except (StepFailed, OSError) as problem:
        outcomes = [results.Outcome("%s: could not run" % task.name, results.FAILED)]
        shown = str(problem)
    return outcomes, shown, time.monotonic() - started


def head(path, lines):
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    more = ["(%d more lines)" % (len(text) - lines)] if len(text) > lines else []
    return "\n".join(text[:lines] + more)
