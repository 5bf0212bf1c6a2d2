# SPDX-License-Identifier: MIT
"""What every workload of the benchmark needs: projects, processes, the floor, pairs in turn."""
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

TIMEOUT_SECONDS = 180


class NotMeasured(Exception):
    """Carries the reason for the table."""


class Bench:
    def __init__(self, build):
        self.fermata, self.keeper = build / "fermata", build / "fermata-keep"
        self.floor_program, self.engine_program = build / "bench" / "floor", build / "bench" / "engine"
        self.agent_program = build / "bench" / "agent"
        self.scratch = Path(tempfile.mkdtemp(prefix="fermata-bench-"))
        self.round = 0
        self.names = 0
        home = self.scratch / "home"
        home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8",
                    "FERMATA_KEEP": str(self.keeper), "FERMATA_TRUST": "1"}

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def pair(self, ours, floor):
        """Both in turn, the other one first in every second round: noise of the machine hits both.
        What the one before left to be written is not part of the next."""
        turns = [ours, floor]
        results = {}
        for turn in reversed(turns) if self.round % 2 else turns:
            os.sync()
            results[turn] = turn()
        return results[ours], results[floor]

    # ---- Fermata ----

    def folder(self, name):
        self.names += 1
        path = self.scratch / f"{name}{self.names}"
        path.mkdir()
        return path

    def project(self, workflow, settings=""):
        """A fresh folder with a workflow file; the store does not exist yet."""
        folder = self.folder("project")
        (folder / ".fermata").mkdir()
        (folder / "bench.yaml").write_text(workflow)
        if settings:
            (folder / ".fermata" / "config.yaml").write_text(settings)
        return folder

    def command(self, *arguments):
        return [str(self.fermata), *map(str, arguments)]

    def call(self, folder, *arguments):
        """Runs to the end; must end well."""
        return run_to_end(self.command(*arguments), cwd=folder, env=self.env)

    def measure(self, folder, repeat=1, parallel=1):
        """The report of `fermata run --repeat`."""
        self.call(folder, "run", "-w", "bench.yaml", "--no-input", "--repeat", repeat, "--parallel",
                  parallel, "--report", "report.json")
        return json.loads((folder / "report.json").read_text())

    def measure_workflow(self, workflow, repeat=1, parallel=1, settings=""):
        return self.measure(self.project(workflow, settings), repeat, parallel)

    # ---- the other programs ----

    def floor(self, kind, *arguments):
        """Seconds of bench/floor.c, with a store of its own."""
        store = [] if kind == "start" else [self.folder("floor") / "floor.db"]
        return float(run_to_end([self.floor_program, kind, *store, *arguments]))

    def floor_to_clock(self, folder, store):
        """Seconds from exec of bench/floor.c until its shell's `date` has run."""
        started = time.time_ns()
        spawn_seconds([str(self.floor_program), "first", str(store), str(folder)], {})
        return (int((folder / "done").read_text()) - started) / 1e9

    def engine(self, kind, *arguments):
        """bench/engine.c in a new project: the engine as a server will hold it."""
        return json.loads(run_to_end([self.engine_program, kind, self.folder("engine"), *arguments]))


def run_to_end(command, **options):
    words = [str(word) for word in command]
    name = " ".join([Path(words[0]).name, *words[1:2]])
    try:
        done = subprocess.run(words, text=True, capture_output=True, timeout=TIMEOUT_SECONDS,
                              stdin=subprocess.DEVNULL, check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise NotMeasured(f"`{name}` took longer than {TIMEOUT_SECONDS} s") from error
    except OSError as error:
        raise NotMeasured(f"`{name}`: {error.strerror}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise NotMeasured(f"`{name}` ended with {done.returncode}: {lines[0][:90]}")
    return done.stdout


def spawn_seconds(command, env):
    """From exec to exit, without what Python does around a child."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    started = time.monotonic()
    pid = os.posix_spawn(command[0], command, env, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    os.close(null)
    if status != 0:
        raise NotMeasured(f"`{Path(command[0]).name} {command[-1]}` did not end well")
    return seconds


# ---- workflows -------------------------------------------------------------------------------

def in_a_row(count, body):
    steps = "".join(f"      - {{ id: s{i}, {body} }}\n" for i in range(count))
    return f"name: bench\nphases:\n  - id: main\n    steps:\n{steps}"


def at_once(count, body, width=0, join=True):
    """COUNT instances; a list in a workflow file has its ceiling, so many are those of several steps."""
    steps, rest = "", count
    while rest > 0:
        here = min(rest, 1000)
        steps += f"      - {{ id: s{rest}, {body}, foreach: [{','.join(['0'] * here)}] }}\n"
        rest -= here
    last = "  - id: join\n    steps: [{ id: joined, use: noop }]\n" if join else ""
    return f"name: bench\nphases:\n  - id: main\n    mode: parallel\n    width: {width}\n    steps:\n{steps}{last}"


# ---- processes -------------------------------------------------------------------------------

def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.002)
    raise NotMeasured(f"{what} did not happen within {seconds} s")


def processes_below(folder, name):
    """Processes called `name` that were started for something below the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "comm").read_text().strip() == name[:15] and \
                    str(folder) in (entry / "cmdline").read_text() + os.readlink(entry / "cwd"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def memory_kb(pid, file, key):
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
    except OSError as error:
        raise NotMeasured(f"/proc/{pid}/{file}: {error.strerror}") from error
    raise NotMeasured(f"/proc/{pid}/{file} has no {key}")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class LiveRun:
    """A run in the foreground whose first step waits for the file `go`; always cleaned up."""

    def __init__(self, bench, second="true"):
        first = "echo x >>started; while [ ! -e go ]; do sleep 0.01; done"
        self.bench = bench
        self.folder = bench.project(
            "name: bench\nphases:\n  - id: main\n    steps:\n"
            f"      - {{ id: first, run: {json.dumps(first)} }}\n"
            f"      - {{ id: second, run: {json.dumps(second)} }}\n")

    def __enter__(self):
        self.process = subprocess.Popen(self.bench.command("run", "-w", "bench.yaml", "--no-input"),
                                        cwd=self.folder, env=self.bench.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until((self.folder / "started").exists, "the first step's start")
        except NotMeasured:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        (self.folder / "go").touch()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
