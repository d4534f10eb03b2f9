"""Runs a script or a module (`-m`) as Python would, and reports the tests that unittest's results are
told of as JUnit XML at $CODEGOD_REPORT. Every runner that stands on unittest (Django's, Twisted's,
scripts of a project's own) is reported this way, without options, and without packages of its own.
"""

import atexit
import os
import runpy
import sys
import time
import traceback
import unittest
from functools import wraps
from xml.sax.saxutils import escape, quoteattr

import imports
from watch import Watch, leave_certificates_to_the_tests

WATCH = []
CASES = []
STARTED = {}
OPEN = {}


def case(test, seconds):
    name = test.id() if hasattr(test, "id") else str(test)
    group, _, own = name.rpartition(".")
    module = sys.modules.get(type(test).__module__)
    file = getattr(module, "__file__", None) or ""
    return {"class": group or name, "name": own or name, "file": file, "seconds": seconds, "outcome": None, "text": ""}


def record(test, outcome, text=""):
    found = OPEN.get(id(test))
    if found is None:
        # A class or a module that could not be set up never started as a test.
        found = case(test, 0.0)
        CASES.append(found)
    if found["outcome"] in (None, "skipped"):
        found["outcome"], found["text"] = outcome, text


def message(result, test, error):
    try:
        return result._exc_info_to_string(error, test)
    except Exception:  # Results of other frameworks may keep errors in their own way.
        return str(error[1] if isinstance(error, tuple) else error)


def watch(name, before):
    own = getattr(unittest.TestResult, name)

    @wraps(own)
    def watched(self, *arguments, **keywords):
        before(self, *arguments, **keywords)
        return own(self, *arguments, **keywords)

    setattr(unittest.TestResult, name, watched)


def started(result, test):
    STARTED[id(test)] = time.monotonic()
    OPEN[id(test)] = case(test, 0.0)
    for watcher in WATCH:
        watcher.enter(OPEN[id(test)]["class"] + "." + OPEN[id(test)]["name"])


def stopped(result, test):
    found = OPEN.pop(id(test), None)
    if found is not None:
        found["seconds"] = time.monotonic() - STARTED.pop(id(test), time.monotonic())
        CASES.append(found)


def subtest(result, test, part, error):
    if error is not None:
        failed = issubclass(error[0], getattr(test, "failureException", AssertionError))
        record(test, "failure" if failed else "error", f"{part}\n{message(result, test, error)}")


watch("startTest", started)
watch("stopTest", stopped)
watch("addError", lambda result, test, error, *_: record(test, "error", message(result, test, error)))
watch("addFailure", lambda result, test, error, *_: record(test, "failure", message(result, test, error)))
watch("addSkip", lambda result, test, reason, *_: record(test, "skipped", str(reason)))
watch("addSubTest", lambda result, test, part, error, *_: subtest(result, test, part, error))
watch("addUnexpectedSuccess", lambda result, test, *_: record(test, "failure", "It was expected to fail."))


def printable(text):
    return "".join(char if char in "\t\n" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" else "\ufffd" for char in text)


def write(path):
    count = {kind: sum(found["outcome"] == kind for found in CASES) for kind in ("failure", "error", "skipped")}
    with open(path, "w", encoding="utf-8") as report:
        report.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites><testsuite name="unittest"')
        report.write(f' tests="{len(CASES)}" failures="{count["failure"]}" errors="{count["error"]}" skipped="{count["skipped"]}">\n')
        for found in CASES:
            names = f'classname={quoteattr(printable(found["class"]))} name={quoteattr(printable(found["name"]))}'
            if found["file"]:
                names += f' file={quoteattr(printable(found["file"]))}'
            report.write(f'<testcase {names} time="{found["seconds"]:.3f}">')
            if found["outcome"]:
                lines = found["text"].strip().splitlines() or [""]
                text = printable(found["text"])
                report.write(f'<{found["outcome"]} message={quoteattr(printable(lines[-1]))}>{escape(text)}</{found["outcome"]}>')
            report.write("</testcase>\n")
        report.write("</testsuite></testsuites>\n")


def cut_off(path, name, said):
    """The report of a run that something made hang, which counts as an error of its own."""
    for found in [*OPEN.values()] or [{"class": name, "name": "", "file": "", "seconds": 0.0}]:
        CASES.append({**found, "outcome": "error", "text": f"it hangs: {said}"})
    write(path)


def unimported():
    """Says what else the modules miss that could not be imported."""
    failed = (found["text"] for found in CASES if found["outcome"] in ("error", "failure"))
    texts = [text for text in failed if "No module named" in text]
    if texts:
        imports.report(imports.own_files("\n".join(texts)))


def main():
    leave_certificates_to_the_tests()
    path, process = os.environ.get("CODEGOD_REPORT"), os.getpid()
    if path:
        # Forks of the runner end by themselves; only the first process reports.
        atexit.register(lambda: (write(path), unimported()) if os.getpid() == process else None)
        WATCH.append(Watch(lambda name, said: cut_off(path, name, said)))
    del sys.argv[0]
    # A project may have modules of these names.
    for name in ("imports", "watch"):
        del sys.modules[name]
    try:
        if sys.argv and sys.argv[0] == "-m":
            del sys.argv[0]
            sys.path[0] = os.getcwd()
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
            runpy.run_path(sys.argv[0], run_name="__main__")
    except ImportError as error:
        if "No module named" in str(error):
            said = traceback.format_exc()
            atexit.register(lambda: imports.report(imports.own_files(said)))
        raise


if __name__ == "__main__":
    main()
