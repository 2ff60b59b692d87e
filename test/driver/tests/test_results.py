"""The driver must count every test and miss no failure."""

import unittest

from driver.results import FAILED, PASSED, SKIPPED, Outcome, Results
from driver.results import parse_regress, parse_tap, with_exit_code


def states(outcomes):
    return [(o.name, o.state) for o in outcomes]


class Tap(unittest.TestCase):
    def test_passed_failed_skipped_and_todo(self):
        text = (
            "ok 1 - first\n"
            "not ok 2 - second\n"
            "#   Failed test 'second'\n"
            "ok 3 # skip no network here\n"
            "ok 4 - has \\# in its name # SKIP later\n"
            "not ok 5 - sixth # TODO not yet\n"
            "1..5\n"
        )
        self.assertEqual(
            parse_tap(text, "x"),
            [
                Outcome("x: first", PASSED),
                Outcome("x: second", FAILED),
                Outcome("x: test 3", SKIPPED, "no network here"),
                Outcome("x: has \\# in its name", SKIPPED, "later"),
                Outcome("x: sixth", PASSED),
            ],
        )

    def test_subtests_belong_to_the_line_that_closes_them(self):
        text = "# Subtest: a\n    not ok 1 - inner\n    1..1\nnot ok 1 - a\n1..1\n"
        self.assertEqual(states(parse_tap(text, "x")), [("x: a", FAILED)])

    def test_a_whole_file_skipped(self):
        self.assertEqual(
            parse_tap("1..0 # SKIP no such library\n", "x"),
            [Outcome("x", SKIPPED, "no such library")],
        )

    def test_stopping_early_is_a_failure(self):
        for text in (
            "ok 1 - a\n",
            "1..2\nok 1 - a\n",
            "ok 1 - a\nBail out!  server gone\n1..1\n",
            "",
        ):
            with self.subTest(text=text):
                self.assertEqual(parse_tap(text, "x")[-1].state, FAILED)

    def test_other_lines_do_not_count(self):
        text = "okay then\n# ok 1 - no\nnot okay\nok 1 - a\n1..1\n"
        self.assertEqual(states(parse_tap(text, "x")), [("x: a", PASSED)])


class Regress(unittest.TestCase):
    FIFTEEN = (
        "(using postmaster on /s, port 5432)\n"
        "============== dropping database \"x\" ==============\n"
        "test setup                        ... ok           35 ms\n"
        "parallel group (3 tests):  b a c\n"
        "     a                            ... ok           12 ms\n"
        "     b                            ... FAILED        9 ms\n"
        "     c                            ... failed (ignored)        9 ms\n"
        "test d                            ... FAILED (test process exited with exit code 2)\n"
        "=======================\n"
        " 2 of 5 tests failed, 1 of these failures ignored.\n"
        "=======================\n"
    )
    SIXTEEN = (
        "# using postmaster on /s, port 5432\n"
        "ok 1         - setup                                       35 ms\n"
        "# parallel group (2 tests):  b a\n"
        "ok 2         + a                                           12 ms\n"
        "not ok 3     + b                                            9 ms\n"
        "1..3\n"
        "# 1 of 3 tests failed.\n"
    )

    def test_lines_up_to_15(self):
        self.assertEqual(
            states(parse_regress(self.FIFTEEN, "regress")),
            [
                ("regress: setup", PASSED),
                ("regress: a", PASSED),
                ("regress: b", FAILED),
                ("regress: c", SKIPPED),
                ("regress: d", FAILED),
            ],
        )

    def test_tap_from_16(self):
        self.assertEqual(
            states(parse_regress(self.SIXTEEN, "regress")),
            [
                ("regress: setup", PASSED),
                ("regress: a", PASSED),
                ("regress: b", FAILED),
            ],
        )


class ExitCode(unittest.TestCase):
    def test_a_crash_after_the_last_test_is_a_failure(self):
        passed = [Outcome("x: a", PASSED)]
        self.assertEqual(with_exit_code(passed, 0, "x"), passed)
        self.assertEqual(with_exit_code(passed, -11, "x")[-1].state, FAILED)
        self.assertEqual(with_exit_code(passed, 2, "x")[-1].state, FAILED)

    def test_nothing_run_is_a_failure(self):
        self.assertEqual(with_exit_code([], 0, "x")[-1].state, FAILED)


class ClosingLine(unittest.TestCase):
    def test_counts_every_outcome(self):
        results = Results()
        results.add([Outcome("a", PASSED), Outcome("b", SKIPPED, "why")])
        self.assertTrue(results.succeeded())
        results.add([Outcome("c", FAILED)])
        self.assertEqual(results.closing_line(), "1 passed, 1 failed, 1 skipped")
        self.assertFalse(results.succeeded())

    def test_nothing_is_no_success(self):
        self.assertFalse(Results().succeeded())
