#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""loop.py: SIGKILL before and after calls of `fermata loop` that change files (see faults.c), then the
same command again; prints TAP.

Each story has to be done exactly once, to be marked, and nothing else to lie beside the file. Of the calls
every CRASH_EVERY-th is taken, from CRASH_OFFSET (drawn unless given), and all that touch the file of stories.
"""
import os
import random
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `make` names the plain build: the preload library and the sanitizer's do not go together.
BUILD = Path(os.environ.get("PLAIN_BUILD") or HERE.parents[1] / "build").resolve()
LIBRARY = BUILD / "tests" / "crash" / "faults.so"
EVERY = int(os.environ.get("CRASH_EVERY") or 24)
BUSY = 75
TRIES = 100
WORKFLOW = """name: w
phases:
  - id: a
    steps: [{ id: s, run: 'echo "$T" >>did', env: { T: "${{ run.task }}" } }]
"""


def make_project(root, name):
    project = root / name
    (project / ".fermata" / "workflows").mkdir(parents=True)
    (project / ".fermata" / "workflows" / "w.yaml").write_text(WORKFLOW)
    (project / "TODO.md").write_text("- [ ] one\n- [ ] two\n")
    return project


def run_loop(project, faults=None):
    environment = {**os.environ, "HOME": str(project.parent / "home"), "FERMATA_TRUST": "1",
                   "FERMATA_KEEP": str(BUILD / "fermata-keep")}
    if faults:
        environment.update(LD_PRELOAD=str(LIBRARY), FAULTS=faults)
    return subprocess.run([str(BUILD / "fermata"), "loop", "TODO.md", "-w", "w", "--no-input"],
                          cwd=project, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)


def pick_points(root):
    """The calls of a loop that nothing happens to."""
    project = make_project(root, "counted")
    count = root / "count"
    told = root / "told"
    done = run_loop(project, f"how=before,at=0,count={count}")
    assert done.returncode == 0, done.stderr
    calls = int(count.read_text())
    offset = int(os.environ.get("CRASH_OFFSET") or random.randrange(EVERY))
    points = set(range(1 + offset, calls + 1, EVERY))
    for at in range(calls, 0, -1):  # the mark of the last story, and what comes with it
        told.unlink(missing_ok=True)
        run_loop(make_project(root, f"told{at}"), f"how=before,at={at},told={told}")
        shutil.rmtree(root / f"told{at}")
        if re.search(r"TODO\.md", told.read_text()):
            return sorted(points | set(range(max(1, at - 5), at + 1)))
    raise AssertionError("no call touches the file of stories")


def check_point(root, how, at):
    project = make_project(root, f"{how}{at}")
    run_loop(project, f"how={how},at={at}")
    for _ in range(TRIES):
        done = run_loop(project)
        if done.returncode != BUSY:
            break
    did = sorted((project / "did").read_text().split())
    stories = (project / "TODO.md").read_text()
    assert done.returncode == 0, done.stderr
    assert did == ["one", "two"], did
    assert stories == "- [x] one\n- [x] two\n", stories
    assert sorted(os.listdir(project)) == [".fermata", "TODO.md", "did"], os.listdir(project)
    shutil.rmtree(project)


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        points = [(how, at) for at in pick_points(Path(folder)) for how in ("before", "after")]
        print(f"1..{len(points)}")
        for number, (how, at) in enumerate(points, 1):
            try:
                check_point(Path(folder), how, at)
                print(f"ok {number} killed {how} call {at}")
            except (AssertionError, OSError) as error:
                failed += 1
                print(f"not ok {number} killed {how} call {at}: CRASH_OFFSET={at - 1}")
                print(f"# {error}")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
