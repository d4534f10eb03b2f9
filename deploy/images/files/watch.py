"""Lets no test hang: one that is still running after some minutes is failed where it stands, and when that
does not help, or the whole run takes too long, the run ends with a report of what it came to.

A timer's signal does it, so there is no thread that tests could notice. A project that uses that signal
itself is left alone.
"""

import faulthandler
import os
import signal
import sys
import threading
import time

# How long the first test that hangs may take, then the second, then any other.
TEST_SECONDS = [float(word) for word in os.environ.get("CODEGOD_TEST_SECONDS", "180 60 20").split()]
RUN_SECONDS = float(os.environ.get("CODEGOD_RUN_SECONDS", "1500"))
# How long a test may take to end once it was failed, and the process once its report is written.
GRACE_SECONDS = 30.0


# What a host that inspects connections sets, so that everything trusts it.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def leave_certificates_to_the_tests():
    """Takes away the host's certificates where tests are known to bring their own."""
    if os.environ.get("CODEGOD_CERTIFICATES") == "own":
        for name in CERTIFICATES:
            os.environ.pop(name, None)


class Hung(BaseException):
    """Raised in the test that hangs; no `except Exception` of its own takes it."""


def clock():
    # Not `monotonic`: libraries that freeze time replace it.
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class Watch:
    """Watches one process; `report` is called with the name and the reason when a run has to be cut off."""

    def __init__(self, report):
        self.report = report
        self.process = os.getpid()
        self.began = clock()
        self.name, self.since, self.failed = "the collection of the tests", None, False
        self.hung = 0
        self.exit_code = None
        self.arm(RUN_SECONDS)

    def arm(self, seconds):
        """Sets the timer, unless somebody else uses its signal."""
        if threading.current_thread() is not threading.main_thread() or os.getpid() != self.process:
            return
        if signal.getsignal(signal.SIGALRM) not in (signal.SIG_DFL, self.ring):
            return
        signal.signal(signal.SIGALRM, self.ring)
        left = self.began + RUN_SECONDS - clock()
        signal.setitimer(signal.ITIMER_REAL, max(1.0, min(seconds, left)))

    def enter(self, name, seconds=None):
        """A test starts."""
        self.name, self.since, self.failed = name, clock(), False
        if self.since - self.began > RUN_SECONDS:
            self.end(f"the run took more than {RUN_SECONDS:.0f} seconds")
        self.arm(seconds or TEST_SECONDS[min(self.hung, len(TEST_SECONDS) - 1)])

    def leave(self, exit_code):
        """The run is over and reported; a thread that never ends must not keep the process."""
        self.exit_code = exit_code
        self.began = clock()
        self.arm(GRACE_SECONDS)

    def ring(self, _number, _frame):
        if os.getpid() != self.process:
            return
        if self.exit_code is not None:
            sys.__stderr__.write("\nthe tests are over, but something of theirs still runs; it was ended\n")
            sys.__stderr__.flush()
            os._exit(self.exit_code)
        if clock() - self.began >= RUN_SECONDS:
            self.end(f"the run took more than {RUN_SECONDS:.0f} seconds")
        taken = clock() - self.since if self.since is not None else 0.0
        if self.failed or self.since is None:
            self.end(f"it was still running after {taken:.0f} seconds")
        self.failed = True
        self.hung += 1
        self.arm(GRACE_SECONDS)
        raise Hung(f"the test was still running after {taken:.0f} seconds")

    def end(self, why):
        """Reports what there is, and ends the process."""
        said = f"{self.name}: {why}; the run was cut off"
        sys.__stderr__.write(f"\n{said}\n")
        try:
            faulthandler.dump_traceback(file=sys.__stderr__, all_threads=True)
            self.report(self.name, said)
        except Exception as error:  # Whatever it is, the process ends.
            sys.__stderr__.write(f"{error!r}\n")
        sys.__stderr__.flush()
        os._exit(3)
