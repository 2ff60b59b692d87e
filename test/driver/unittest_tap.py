"""Runs the unittest tests of a folder and prints TAP.

    python3 unittest_tap.py FOLDER TOP-LEVEL-FOLDER [NAME-PATTERN]

A test with subtests counts once; it fails when one of them does.
"""

import sys
import unittest


class TapResult(unittest.TestResult):
    """Prints a line per test as it ends."""

    def __init__(self, stream):
        super().__init__()
        self._stream = stream
        self._number = 0
        self._subtest_failed = False

    def startTest(self, test):
        super().startTest(test)
        self._subtest_failed = False

    def addSuccess(self, test):
        if not self._subtest_failed:
            self._line("ok", test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            if not self._subtest_failed:
                self._line("not ok", test)
            self._subtest_failed = True
            self._explain(str(subtest), err)

    def addFailure(self, test, err):
        self._line("not ok", test)
        self._explain(str(test), err)

    def addError(self, test, err):
        self.addFailure(test, err)

    def addSkip(self, test, reason):
        self._line("ok", test, " # SKIP %s" % reason)

    def addExpectedFailure(self, test, err):
        self._line("ok", test)

    def addUnexpectedSuccess(self, test):
        self._line("not ok", test)
        self._print("# passed, though marked as an expected failure")

    def finish(self):
        self._print("1..%d" % self._number)

    def _line(self, state, test, directive=""):
        self._number += 1
        self._print("%s %d - %s%s" % (state, self._number, test.id(), directive))

    def _explain(self, name, err):
        self._print("# %s" % name)
        for line in self._exc_info_to_string(err, self).splitlines():
            self._print("#   %s" % line)

    def _exc_info_to_string(self, err, test):
        import traceback

        return "".join(traceback.format_exception(*err))

    def _print(self, line):
        print(line, file=self._stream, flush=True)


def main():
    folder, top = sys.argv[1:3]
    loader = unittest.TestLoader()
    if len(sys.argv) > 3:
        loader.testNamePatterns = ["*%s*" % sys.argv[3]]
    # The tests' own output goes to standard error, apart from the TAP lines.
    tap, sys.stdout = sys.stdout, sys.stderr
    result = TapResult(tap)
    loader.discover(folder, top_level_dir=top).run(result)
    result.finish()
    sys.exit(0)


if __name__ == "__main__":
    main()
