#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""powercut.py: the file system under a run is cut off as by a power loss, at random instants.

An ext4 on a loop device is shut down with EXT4_IOC_SHUTDOWN, without its journal being flushed: what
was not synced is gone, as after pulling the plug. Then it is mounted again, the run resumed. What
the program had told of its journal, on a disk that was not cut, must be there; the store is sound,
and the run comes to its end. Needs root and a kernel that lets it; else it is skipped. Prints TAP.

The program is halted just before the cut. A sync that is under way at a shutdown may be answered
with success though what it wrote is dropped, which no power loss does: a program that does nothing
but write and sync sees that at one cut in forty (Linux 6.18), and at none when it is halted.

POWERCUTS is the number of cuts. A random instant is what this test is about, so the time to a cut
is drawn, not waited for.
"""
import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from project import PATIENCE_SECONDS, Failure, Project, processes_of, require

CUTS = int(os.environ.get("POWERCUTS") or 5)
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or Path(__file__).resolve().parents[2] / "build").resolve()
FERMATA = BUILD / "fermata"
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
WITHOUT_LOG_FLUSH = 2
INSTANTS_SECONDS = [0.03, 0.1, 0.2, 0.4]

# Few commands: the syncs of their outputs would hide one that a commit lacks.
STEPS = "".join(f"""
  - id: p{i}
    steps:
      - {{ id: s{i}, {"run: 'seq 1 600'" if i % 100 == 99 else "use: noop"} }}
""" for i in range(400))
WORKFLOWS = {"cut": f"name: cut\nphases:{STEPS}"}


class Disk:
    """An ext4 of its own, in a mount namespace that ends with this process."""

    def __init__(self, root):
        self.image = root / "disk"
        self.path = root / "mounted"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(1 << 30)  # doctor wants room; it is sparse
        command("mkfs.ext4", "-q", "-F", str(self.image))

    def mount(self):
        command("mount", "-o", "loop", str(self.image), str(self.path))

    def unmount(self):
        command("umount", str(self.path))

    def cut(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(fd)


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{words[0]}: {done.stderr.strip() or done.stdout.strip()}")


def read_records(path):
    records = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "kind" in record and "seq" in record:
            records.append(record)
    return records


def has_halted(pid):
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "stat").read_text().rsplit(") ", 1)[1][0] not in "TtZ":
                return False
    except OSError:
        pass  # it ended, or one of its threads
    return True


def halt(driver):
    deadline = time.monotonic() + PATIENCE_SECONDS
    driver.send_signal(signal.SIGSTOP)
    while not has_halted(driver.pid):
        require(time.monotonic() < deadline, "the driver does not stop")
        time.sleep(0.001)


def wait_for_none(path):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while processes_of(path):
        require(time.monotonic() < deadline, f"processes are left: {processes_of(path)}")
        time.sleep(0.01)


def wait_for_records(told, driver):
    """Until something is acknowledged; the other cuts hit the start."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not read_records(told):
        require(driver.poll() is None and time.monotonic() < deadline,
                f"no run began: {told.read_text(errors='replace')}")
        time.sleep(0.002)


def cut_once(disk, root, number, rng):
    disk.mount()
    project = Project(disk.path / f"project{number}", FERMATA, WORKFLOWS)
    os.sync()  # the workflow was there before
    told = root / f"told{number}"
    with open(told, "wb") as file, open(os.devnull, "rb") as nothing:
        driver = subprocess.Popen([project.fermata, "run", "-w", "cut", "--log-format", "json"],
                                  cwd=project.path, env=project.environment, stdin=nothing,
                                  stdout=subprocess.DEVNULL, stderr=file)
    if number % 4 != 0:
        wait_for_records(told, driver)
    time.sleep(rng.uniform(0, rng.choice(INSTANTS_SECONDS)))
    halt(driver)
    disk.cut()
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_for_none(project.path)
    disk.unmount()
    disk.mount()
    check(project, read_records(told))
    wait_for_none(project.path)
    shutil.rmtree(project.path)  # the next one needs the room
    disk.unmount()
    return len(read_records(told))


def check(project, records):
    runs = project.runs()
    require(runs or not records, "the whole run is gone")
    if not runs:
        return
    there = {(r["run"], r["seq"]): r["kind"] for r in project.read_journal()}
    for record in records:
        require(there.get((record["run"], record["seq"])) == record["kind"],
                f"record {record['seq']} ({record['kind']}) of {len(records)} was acknowledged and "
                f"is not among the {len(there)} that are there")
    if runs[0]["status"] != "completed":
        project.call("resume", runs[0]["id"])
    require(project.runs()[0]["status"] == "completed", f"the run is {project.runs()[0]}")
    project.check_journal()
    project.check_tables()


def main():
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="fermata-powercut-") as folder:
        root = Path(folder)
        try:
            disk = Disk(root)
            disk.mount()
            disk.cut()
            disk.unmount()
        except OSError as error:
            print(f"1..0 # SKIP no file system can be cut off here: {error}")
            return 0
        print(f"1..1\n# seed {seed}")
        records = 0
        try:
            for number in range(CUTS):
                records += cut_once(disk, root, number, rng)
        except (Failure, OSError, subprocess.SubprocessError) as error:
            print(f"not ok 1 cut {number} of {CUTS} lost something")
            print("\n".join(f"# {line}" for line in str(error).splitlines()))
            return 1
        finally:
            subprocess.run(["umount", "-l", str(disk.path)], capture_output=True, check=False)
        if records == 0:
            print("not ok 1 no run had begun before its cut")
            return 1
        print(f"ok 1 {CUTS} power cuts, {records} acknowledged records, none lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
