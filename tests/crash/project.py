# SPDX-License-Identifier: MIT
"""A project whose orchestrators are killed, and what must be true of it afterwards."""
import json
import os
import sqlite3
import subprocess
from pathlib import Path

# The plain build where there is one: a kill is met at the same calls, and each start costs less.
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or Path(__file__).resolve().parents[2] / "build").resolve()
FAULTS = BUILD / "tests" / "crash" / "faults.so"
PATIENCE_SECONDS = 60
# No test of kills asks them, and to find that they are not there takes `doctor` most of its time.
CONFIG = "agents:\n" + "".join(f"  {name}: {{ enabled: false }}\n" for name in (
    "ollama", "llamacpp", "localai", "text-generation-webui", "local-code", "local-instruct"))


class Failure(Exception):
    pass


def require(condition, text):
    if not condition:
        raise Failure(text)


class Project:
    """A folder with workflows, and a program that works in it."""

    def __init__(self, path, fermata, workflows):
        self.path = path
        self.fermata = str(fermata)
        self.begun = path / "begun"
        self.begun.mkdir(parents=True)
        folder = path / ".fermata" / "workflows"
        folder.mkdir(parents=True)
        for name, text in workflows.items():
            (folder / f"{name}.yaml").write_text(text)
        (path / ".fermata" / "config.yaml").write_text(CONFIG)
        self.environment = dict(os.environ, FERMATA_TRUST="1", HOME=str(path.parent), LC_ALL="C.UTF-8", TERM="dumb",
                                CRASH_PROJECT=str(path))

    def call(self, *arguments, status=(0,)):
        done = subprocess.run([self.fermata, *arguments], cwd=self.path, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS)
        require(done.returncode in status, f"{' '.join(arguments)}: exit status {done.returncode}\n"
                f"{done.stdout}{done.stderr}")
        return done.stdout

    def open_store(self):
        return sqlite3.connect(f"file:{self.path}/.fermata/fermata.db?mode=ro", uri=True)

    def runs(self):
        """All runs, newest first; none while the store does not exist yet or has no tables."""
        if not (self.path / ".fermata" / "fermata.db").exists():
            return []
        store = self.open_store()
        try:
            rows = store.execute("SELECT id, workflow, status, detail FROM run "
                                 "ORDER BY created_at DESC").fetchall()
        except sqlite3.OperationalError as error:
            # It was being made, and a reader may not undo what is half done.
            is_half_made = (self.path / ".fermata" / "fermata.db-journal").exists()
            require(is_half_made or "no such table" in str(error),
                    f"the store cannot be read: {error}")
            rows = []
        finally:
            store.close()
        return [dict(zip(("id", "workflow", "status", "detail"), row)) for row in rows]

    def begun_attempts(self, step):
        """What a step's own file tells: the numbers of the attempts that began."""
        file = self.begun / step
        return file.read_text().split() if file.exists() else []

    def check_begun_once(self, steps):
        for step in steps:
            lines = self.begun_attempts(step)
            require(len(lines) == 1, f"step {step} began {len(lines)} times: attempts {lines}")

    def check_processes(self):
        left = processes_of(self.path)
        require(not left, f"processes are left: {left}")

    def check_tables(self):
        answer = json.loads(self.call("doctor", "--rebuild", "--json"))
        require(answer["rebuilt"]["differences"] == [], answer["rebuilt"])

    def read_journal(self):
        store = self.open_store()
        try:
            rows = store.execute("SELECT run, seq, at, kind, body FROM journal ORDER BY run, seq")
            return [json.loads(body) | {"run": run, "seq": seq, "at": at, "kind": kind}
                    for run, seq, at, kind, body in rows]
        finally:
            store.close()

    def check_journal(self):
        store = self.open_store()
        sound = store.execute("PRAGMA integrity_check").fetchall()
        store.close()
        require(sound == [("ok",)], "the store is damaged")
        records = self.read_journal()
        check_numbers(records)
        check_outcomes(records)
        return records


def check_numbers(records):
    last = {}
    for record in records:
        require(record["seq"] == last.get(record["run"], 0) + 1,
                f"the journal of {record['run']} has a gap before {record['seq']}")
        last[record["run"]] = record["seq"]


def check_outcomes(records):
    for kind in ("attempt_started", "attempt_ended"):
        keys = [(r["run"], r["step"], r["attempt"]) for r in records if r["kind"] == kind]
        require(len(keys) == len(set(keys)), f"an attempt has two records {kind}")
    moves = [(r["run"], r["step"]) for r in records
             if r["kind"] == "step_done"
             or (r["kind"] == "step_moved" and r.get("status") == "completed")]
    require(len(moves) == len(set(moves)), "a step was completed twice")


def processes_of(path):
    """Command lines of the processes that belong to a project, or to any below the path."""
    marker = f"CRASH_PROJECT={path}".encode()
    left = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (
                    any(word.startswith(marker)
                        for word in (folder / "environ").read_bytes().split(b"\0"))
                    or str(path).encode() in (folder / "cmdline").read_bytes()):
                left.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return left
