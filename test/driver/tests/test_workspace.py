"""Nothing that a run started may outlive it."""

import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock

from driver.workspace import MEMORY_LIMIT, StepFailed, Workspace, end_session


class EndProcesses(unittest.TestCase):
    def setUp(self):
        self.workspace = Workspace("driver_test")
        self.addCleanup(self.workspace.remove)
        self.addCleanup(self.workspace.end_processes)

    def start(self, program):
        log = self.workspace.logs / "program.log"
        return self.workspace.start([sys.executable, "-c", program], log)

    def wait_for(self, path):
        deadline = time.monotonic() + 20
        while not path.exists():
            self.assertLess(time.monotonic(), deadline, "the program did not start")
            time.sleep(0.02)

    def test_a_daemon_that_ignores_sigterm_is_found_and_ended(self):
        ready = self.workspace.make_folder("daemon") / "ready"
        parent = self.start(
            "import os, signal, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "    signal.signal(signal.SIGQUIT, signal.SIG_IGN)\n"
            "    open(%r, 'w').close()\n"
            "    time.sleep(100)\n" % str(ready)
        )
        self.wait_for(ready)
        parent.wait()
        self.assertEqual(len(self.workspace.processes()), 1)
        self.workspace.end_processes()
        self.assertEqual(self.workspace.processes(), [])

    def test_others_are_left_alone(self):
        other = subprocess.Popen(["sleep", "100"], cwd="/")
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.workspace.end_processes()
        self.assertIsNone(other.poll())

    def test_a_program_over_its_time_is_ended_and_says_so(self):
        log = self.workspace.logs / "slow.log"
        code = self.workspace.run(["sleep", "100"], log, timeout=0.2)
        self.assertEqual(code, 124)
        self.assertIn("time limit", log.read_text())
        self.assertEqual(self.workspace.processes(), [])

    def test_nothing_starts_once_the_run_is_ending(self):
        self.workspace.end_processes()
        with self.assertRaises(StepFailed):
            self.start("pass")

    def test_a_program_that_starts_as_the_run_ends_is_found(self):
        forking, popen = threading.Event(), subprocess.Popen

        def slow(*arguments, **how):
            forking.set()
            time.sleep(0.5)
            return popen(*arguments, **how)

        with unittest.mock.patch("subprocess.Popen", slow):
            starter = threading.Thread(target=self.start, args=["import time; time.sleep(100)"])
            starter.start()
            self.assertTrue(forking.wait(20))
            self.workspace.end_processes()
            starter.join()
        self.assertEqual(self.workspace.processes(), [])

    def test_a_process_that_cannot_be_waited_for_holds_nobody_up(self):
        process = self.start("import time; time.sleep(100)")
        self.addCleanup(process.wait)
        self.addCleanup(process._waitpid_lock.release)
        # as a wait leaves it that a signal's handler broke off
        process._waitpid_lock.acquire()
        with unittest.mock.patch("driver.workspace.END_LIMIT", 0.2):
            ender = threading.Thread(target=end_session, args=[process], daemon=True)
            ender.start()
            ender.join(20)
        self.assertFalse(ender.is_alive())

    def test_callers_settings_stay_outside(self):
        os.environ["PGHOST"] = "elsewhere"
        self.addCleanup(os.environ.pop, "PGHOST")
        self.assertNotIn("PGHOST", self.workspace.environment())

    def test_the_folder_goes(self):
        folder = pathlib.Path(self.workspace.folder)
        self.workspace.remove()
        self.assertFalse(folder.exists())

    @unittest.skipUnless(MEMORY_LIMIT, "what watches memory needs more of it")
    def test_a_process_that_runs_away_ends(self):
        program = "bytearray(%d)" % (MEMORY_LIMIT + 1)
        log = self.workspace.logs / "program.log"
        self.assertNotEqual(self.workspace.run([sys.executable, "-c", program], log), 0)
        self.assertIn("MemoryError", log.read_text(encoding="utf-8"))
