# SPDX-License-Identifier: MIT
"""For tests: the stand-in for model servers (tests/support/mock_models.py) as a process, and TAP."""
import json
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from pathlib import Path

MOCK = Path(__file__).resolve().parent.parent / "support/mock_models.py"


class Models:
    """The stand-in, ready when this returns."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([sys.executable, str(MOCK), *arguments], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=20) as answer:
            return json.load(answer)

    def configure(self, **settings):
        self.ask("/__mock/config", settings)

    def reset(self):
        self.ask("/__mock/reset", {})

    def stats(self):
        return self.ask("/__mock/stats")

    def log(self, count=1):
        return self.ask(f"/__mock/log?n={count}")

    def last_body(self):
        return self.ask(f"/__mock/log/{self.log()[-1]['id']}")


def wait_for(condition, seconds=30):
    """For what only another process can bring."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Cases:
    """Runs functions as test cases, on any thread, and prints TAP."""

    def __init__(self):
        self.count = self.failed = 0
        self.lock = threading.Lock()

    def run(self, name, function, *arguments):
        problem = None
        try:
            function(*arguments)
        except Exception:  # whatever it is, the case has failed
            problem = traceback.format_exc()
        with self.lock:
            self.count += 1
            print(f"{'not ok' if problem else 'ok'} {self.count} - {name}")
            if problem:
                self.failed += 1
                print("".join(f"# {line}\n" for line in problem.splitlines()), end="")
            sys.stdout.flush()

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
