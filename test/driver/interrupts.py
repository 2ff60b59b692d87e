"""Signals that ask a run to end."""

import signal


class Interrupted(BaseException):
    """One of them came; the message says which."""


def raise_on_signals():
    """From now on the first of them raises Interrupted in the main thread, and
    further ones are ignored: what a run does at its end is short, and must not
    be broken off."""
    _handle(_interrupt)


def ignore_signals():
    """For the end of a run that was not interrupted."""
    _handle(signal.SIG_IGN)


def _interrupt(number, _frame):
    ignore_signals()
    raise Interrupted("interrupted by %s" % signal.Signals(number).name)


def _handle(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
