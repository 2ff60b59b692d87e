"""A run that is interrupted comes to its end, and so does all that it started."""

import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

TEST = pathlib.Path(__file__).resolve().parents[2]

# test/run with one task, which prints the run's folder and then runs a program
# that announces itself there.
RUN = """
import functools, importlib.machinery, importlib.util, sys
_, path, how, program = sys.argv
loader = importlib.machinery.SourceFileLoader("run", path)
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
loader.exec_module(run)

def task(workspace):
    print(workspace.make_folder("here"), flush=True)
    workspace.run([sys.executable, "-c", program], workspace.logs / "log", cwd=workspace.folder / "here")
    return [run.results.Outcome("the task", run.results.PASSED)], ""

def find_tasks(workspace, selection):
    return [run.kinds.Task("task", functools.partial(task, workspace), alone=how == "alone")]

run.kinds.find_tasks = find_tasks
run.Workspace.copy_source = lambda workspace: None
sys.argv[1:] = ["unit"]
run.main()
"""

SLEEPER = "import time; open('ready', 'w').close(); time.sleep(100)"

# Its child leaves the session and does not mind being asked to end.
LEAVES_DAEMON = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    open('ready', 'w').close()
    time.sleep(100)
"""


class Interrupt(unittest.TestCase):
    def start(self, how, program):
        """Starts a run; returns it when its program runs, with its folder."""
        command = [sys.executable, "-c", RUN, TEST / "run", how, program]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        # A run that hangs fails its test.
        limit = threading.Timer(40, run.kill)
        limit.start()
        self.addCleanup(limit.cancel)
        here = pathlib.Path(run.stdout.readline().strip())
        while not (here / "ready").exists():
            self.assertIsNone(run.poll(), "the run ended before its program ran")
            time.sleep(0.02)
        return run, here.parent

    def check_ended(self, run, folder):
        """Nothing is left of it; returns what it printed last."""
        printed = run.stdout.read()
        self.assertGreaterEqual(run.wait(), 0, "the run hung:\n%s" % printed)
        self.assertNotIn("Traceback", printed)
        self.assertFalse(folder.exists())
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                self.assertNotIn(str(folder), (entry / "environ").read_bytes().decode("utf-8", "replace"))
            except OSError:
                pass
        return printed.splitlines()

    def test_while_a_thread_waits_for_a_program(self):
        for how in ("beside others", "alone"):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(how, signal=number.name):
                    run, folder = self.start(how, SLEEPER)
                    run.send_signal(number)
                    printed = self.check_ended(run, folder)
                    self.assertIn("interrupted by %s" % number.name, printed)
                    self.assertEqual(printed[-1], "0 passed, 1 failed, 0 skipped")
                    self.assertEqual(run.wait(), 1)

    def test_while_the_run_ends(self):
        run, folder = self.start("alone", LEAVES_DAEMON)
        self.assertIn("1 passed", run.stdout.readline())
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        self.assertEqual(self.check_ended(run, folder)[-1], "1 passed, 0 failed, 0 skipped")
        self.assertEqual(run.wait(), 0)


if __name__ == "__main__":
    unittest.main()
