#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Eight clones come into a project and become commits, two of them in conflict with others; at each git command that is
run for it the orchestrator is killed (before it, or when it has ended) or git itself (at once, or in
the middle of what it prints); prints TAP. Then the run is resumed: each merge and its commit were
made exactly once, the files are the same as without a kill, and both sides of each conflict are named.

The agents have ended before: one project is made, and laid again in its place for each point. Of the
points every CRASH_EVERY-th is taken, from CRASH_OFFSET (drawn unless given)."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from project import PATIENCE_SECONDS, Failure, Project, processes_of, require

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or HERE.parents[1] / "build").resolve()
EVERY = 16
HOWS = ("before", "after", "git", "torn")
STEPS = range(8)
LINES = {0: 1, 4: 1, 7: 1}  # these change the same line; the first of them wins
MERGED = ["s0", "s1", "s2", "s3", "s5", "s6"]
CONFLICTS = ["s4", "s7"]

AGENT = """cat >/dev/null
n=${{FERMATA_STEP#s}}
case $n in 0 | 4 | 7) line=1 ;; *) line=$((n * 3)) ;; esac
sed -i "${{line}}s/\\$/ $FERMATA_STEP/" numbers
echo "$n" >>"own.$n"
[ "$n" != 2 ] || rm gone
echo "$n" >>"{root}/asked.$n"
read -r go <"{root}/go.$n"
echo done
"""
GIT = """#!/bin/sh
# Which command this is, over all processes; read and written under a lock.
exec 9>"{root}/lock"
flock 9
read -r number <"{root}/count"
number=$((number + 1))
echo $number >"{root}/count"
exec 9>&-
read -r how at <"{root}/fault"
[ "$number" = "$at" ] || exec {git} "$@"
echo met >"{root}/met"
case $how in
before) kill -9 $PPID ;;
after) {git} "$@"; status=$?; kill -9 $PPID; exit $status ;;
git) kill -9 $$ ;;
torn) {git} "$@" | head -c 7; kill -9 $$ ;;
esac
"""


def workflow():
    steps = ", ".join(f"{{ id: s{n}, prompt: go }}" for n in STEPS)
    return ("name: w\nconcurrency: 8\n"
            "defaults: { workspace: clone, commit: true, retry: { attempts: 1 }, agent: one }\n"
            f"phases: [{{ id: p, mode: parallel, steps: [{steps}] }}]\n")


class Scene(Project):
    """A project whose agents have all ended, and of which nothing is merged yet."""

    def __init__(self, root):
        super().__init__(root / "project", BUILD / "fermata", {"w": workflow()})
        self.root = root
        (root / "agent").write_text(AGENT.format(root=root))
        (self.path / ".fermata" / "config.yaml").write_text(
            f"concurrency: 8\nagents:\n  one: {{ type: command, command: [sh, {root}/agent] }}\n")
        (root / "bin").mkdir()
        wrapper = root / "bin" / "git"
        self.git = shutil.which("git")
        wrapper.write_text(GIT.format(root=root, git=self.git))
        wrapper.chmod(0o755)
        self.set_fault("none", 0)
        self.make_repository()
        self.let_agents_end()
        shutil.copytree(self.path, root / "saved", symlinks=True)

    def make_repository(self):
        (self.path / ".gitignore").write_text(".fermata\n")
        (self.path / "numbers").write_text("".join(f"{n}\n" for n in range(1, 31)))
        (self.path / "gone").write_text("gone\n")
        for arguments in (["init", "-q"], ["add", "-A"],
                          ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"]):
            subprocess.run(["git", *arguments], cwd=self.path, env=self.environment, check=True)
        self.environment["PATH"] = f"{self.root}/bin:{os.environ['PATH']}"

    def let_agents_end(self):
        """Each waits at a pipe of its own; the orchestrator is gone before they go on."""
        for n in STEPS:
            os.mkfifo(self.root / f"go.{n}")
        driver = self.start("run", "-w", "w")
        pipes = [open(self.root / f"go.{n}", "w", encoding="ascii") for n in STEPS]
        driver.kill()
        driver.wait()
        for pipe in pipes:
            with pipe:
                pipe.write("go\n")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while processes_of(self.path):
            require(time.monotonic() < deadline, "the agents do not end")
            time.sleep(0.01)
        ended = list(self.path.glob(".fermata/workflows/*/attempts/*/exit.json"))
        require(len(ended) == len(STEPS), f"{len(ended)} agents have ended")

    def start(self, *arguments):
        return subprocess.Popen([self.fermata, *arguments], cwd=self.path, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def set_fault(self, how, at):
        (self.root / "count").write_text("0\n")
        (self.root / "fault").write_text(f"{how} {at}\n")
        (self.root / "met").unlink(missing_ok=True)

    def lay_again(self):
        shutil.rmtree(self.path)
        shutil.copytree(self.root / "saved", self.path, symlinks=True)

    def resume(self):
        return self.start("resume", "last").wait(timeout=PATIENCE_SECONDS)

    def count(self):
        self.set_fault("none", 0)
        status = self.resume()
        require(status == 3, f"without a kill: exit status {status}")
        return int((self.root / "count").read_text())

    def state(self):
        found = {}
        for path in sorted(self.path.rglob("*")):
            name = str(path.relative_to(self.path))
            if name.split("/")[0] not in (".git", ".fermata", "begun") and path.is_file():
                found[name] = oct(path.stat().st_mode), path.read_bytes()
        return found

    def commits(self):
        """Of which attempts, the first one first."""
        log = subprocess.run([self.git, "log", "--reverse", "--format=%(trailers:key=Fermata-Attempt,valueonly)",
                              "--glob=refs/fermata", "--not", "HEAD"], cwd=self.path,
                             env=self.environment, capture_output=True, text=True, check=True)
        return log.stdout.split()

    def check(self):
        records = self.check_journal()
        ends = [record for record in records if record["kind"] == "attempt_ended"]
        merged = [end["step"] for end in ends if "merged" in (end.get("files") or {})]
        require(merged == MERGED, f"merged: {merged}")
        errors = {end["step"]: end.get("error", "") for end in ends if end["class"] != "none"}
        require(sorted(errors) == CONFLICTS, f"failed: {errors}")
        for step, error in errors.items():
            require(error.startswith("merge conflict: ") and " numbers; " in error
                    and f" {self.path}, " in error and f"/workspaces/{step}/tree" in error, error)
        lines = (self.path / "numbers").read_text().splitlines()
        wanted = [str(n) for n in range(1, 31)]
        for step in MERGED:
            wanted[LINES.get(int(step[1]), int(step[1]) * 3) - 1] += f" {step}"
        require(lines == wanted, f"numbers: {lines}")
        require(self.commits() == [f"{step}.1" for step in MERGED], f"commits: {self.commits()}")
        own = sorted(path.name for path in self.path.glob("own.*"))
        require(own == [f"own.{step[1]}" for step in MERGED], f"files: {own}")
        for n in STEPS:
            asked = (self.root / f"asked.{n}").read_text()
            require(asked == f"{n}\n", f"agent {n} was asked {len(asked.split())} times")

    def play(self, how, at):
        """True: the kill was met."""
        self.lay_again()
        self.set_fault(how, at)
        status = self.resume()
        is_met = (self.root / "met").exists()
        is_killed = is_met and how in ("before", "after")
        require(status == (-signal.SIGKILL if is_killed else 3), f"exit status {status}")
        if is_killed:
            self.set_fault("none", 0)
            status = self.resume()
            require(status == 3, f"resumed: exit status {status}")
        self.check()
        return is_met


def main():
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="fermata-merge-", dir=memory))
    every = int(os.environ.get("CRASH_EVERY") or EVERY)
    offset = int(os.environ.get("CRASH_OFFSET") or random.SystemRandom().randrange(every)) % every
    print("1..1")
    print(f"# CRASH_EVERY={every} CRASH_OFFSET={offset}")
    name = "merges that were killed at a git command are each made once, and conflicts are named"
    point = None
    try:
        scene = Scene(root)
        calls = scene.count()
        scene.check()
        wanted = scene.state()
        points = [(how, at) for at in range(1, calls + 1) for how in HOWS][offset::every]
        met = 0
        for point in points:
            met += scene.play(*point)
            now = scene.state()
            require(now == wanted, f"other files: {sorted(set(now.items()) ^ set(wanted.items()))}")
        # What several threads ask for at once may be a command more or less.
        require(met >= len(points) * 9 // 10, f"only {met} of {len(points)} points were met")
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"not ok 1 - {name}\n# at {point}: {failure}\n# kept: {root}")
        return 1
    print(f"ok 1 - {name}: {met} kills at {calls} commands")
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
