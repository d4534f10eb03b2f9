"""Runs pytest as `python -m pytest` does, but lets no test hang: see `watch.py`."""

import os
import sys
from pathlib import Path

import imports
from watch import Watch, leave_certificates_to_the_tests


class Plugin:
    """What pytest tells of a run."""

    def __init__(self):
        self.config = None
        self.exit_code = 3
        self.watch = None
        self.unimported = []

    def pytest_collectreport(self, report):
        if report.failed and "No module named" in str(report.longrepr):
            self.unimported += [report.nodeid.partition("::")[0], *imports.own_files(str(report.longrepr))]

    def pytest_configure(self, config):
        self.config = config
        self.watch = Watch(self.report)

    def pytest_runtest_logstart(self, nodeid):
        if self.config.pluginmanager.hasplugin("dsession"):
            # Tests run in workers: as long as any begins or ends, nothing hangs.
            self.watch.enter("a worker of pytest-xdist", 300)
        else:
            self.watch.enter(nodeid)

    def pytest_sessionfinish(self, exitstatus):
        self.exit_code = int(exitstatus)

    def pytest_unconfigure(self):
        if self.watch is not None:
            self.watch.leave(self.exit_code)

    def report(self, name, said):
        """Lets pytest's own report be written as far as the run came, with what hangs as an error."""
        from _pytest.junitxml import LogXML

        for xml in self.config.pluginmanager.get_plugins():
            if isinstance(xml, LogXML):
                reporter = xml.node_reporter(name)
                file, _, test = name.partition("::")
                reporter.attrs.update(classname=file, name=test or file, file=file)
                reporter._add_simple("error", f"it hangs: {said}", said)
                xml.stats["error"] += 1
                xml.pytest_sessionfinish()


def main():
    leave_certificates_to_the_tests()
    # As with `python -m`, what is in the folder can be imported, and this script's own folder can't.
    sys.path[0] = os.getcwd()
    # A project may have modules of these names.
    for name in ("imports", "watch"):
        del sys.modules[name]
    import pytest

    sys.argv[0] = os.path.join(os.path.dirname(pytest.__file__), "__main__.py")
    plugin = Plugin()
    exit_code = pytest.main(plugins=[plugin])
    if int(exit_code) == 4:
        # A conftest.py that can't be imported is said before plugins are asked.
        plugin.unimported += [str(path) for path in Path().glob("**/conftest.py") if "site-packages" not in path.parts]
    if plugin.unimported:
        imports.report(plugin.unimported)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
