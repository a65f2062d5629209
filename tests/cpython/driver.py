"""Runs one module of CPython's own suite and prints what became of each test.

    driver.py MODULE [ID]

Lines of output: `begin ID`, `end ID WORD`, `# detail` (about the test that ended last), `done`. With an ID the tests up to and including
that one are left out: the test after which a run broke off. Whatever tests print themselves goes to standard error. A test that takes
longer than PATIENCE seconds ends the run; its traceback is on standard error.
"""

import faulthandler
import importlib
import os
import resource
import sys
import tempfile
import traceback
import unittest

PATIENCE = 150

# Talk between a virtual machine and its hypervisor: what becomes of it depends on what is below the host.
LEFT_OUT = "VSOCK"

# Modules that ask for the network and talk to themselves.
LOOPBACK_ONLY = ["test_socketserver"]


def cases(suite):
    """The tests of a suite, in order."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


class Tell(unittest.TestResult):
    """Tells about each test as it begins and ends."""

    def __init__(self, out):
        super().__init__()
        self.out = out
        self.word = {}
        self.detail = {}

    def say(self, line):
        os.write(self.out, (line + "\n").encode("utf-8", "backslashreplace"))

    def end(self, name, word, detail):
        self.say(f"end {name} {word}")
        for line in detail.rstrip().split("\n") if detail else []:
            self.say("# " + line)

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        self.word[test.id()] = "ok"
        self.say("begin " + test.id())

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        name = test.id()
        self.end(name, self.word[name], self.detail.get(name, ""))

    def note(self, test, word, detail=""):
        name = test.id()
        if not hasattr(test, "_testMethodName"):
            # The set-up of a whole class or module.
            self.end(name, word, detail)
            return
        if self.word.get(name) not in ("fail", "error"):
            self.word[name] = word
        self.detail[name] = self.detail.get(name, "") + detail

    def addFailure(self, test, err):
        self.note(test, "fail", "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        self.note(test, "error", "".join(traceback.format_exception(*err)))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            word = "fail" if issubclass(err[0], test.failureException) else "error"
            self.note(test, word, f"{subtest}\n" + "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        self.note(test, "skip", reason)

    def addExpectedFailure(self, test, err):
        self.note(test, "expected-failure")

    def addUnexpectedSuccess(self, test):
        self.note(test, "unexpected-success")


def main():
    module, last = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    out = os.dup(1)
    os.dup2(2, 1)
    from test import support

    support.verbose = False
    # What says that it needs the network does not always go beyond loopback.
    support.use_resources = ["network"] if module in LOOPBACK_ONLY else []
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096))
    os.chdir(tempfile.mkdtemp(prefix="cpython"))
    tell = Tell(out)
    try:
        loaded = importlib.import_module("test." + module)
    except unittest.SkipTest as reason:
        tell.end(module, "skip", str(reason))
        tell.say("done")
        return
    suite = unittest.defaultTestLoader.loadTestsFromModule(loaded)
    chosen = [test for test in cases(suite) if LEFT_OUT not in test.id()]
    if last is not None:
        places = [place for place, test in enumerate(chosen) if test.id() == last]
        chosen = chosen[places[-1] + 1 :]
    unittest.TestSuite(chosen).run(tell)
    tell.say("done")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
