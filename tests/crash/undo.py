#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An undo ends at every call that changes a file, by SIGKILL (before, after, inside) or by an error of
the call; prints TAP. Asked for again it ends what it began, and whatever it had done --back brings back.

Of the points every CRASH_EVERY-th is taken, from CRASH_OFFSET (drawn unless given)."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from project import BUILD, FAULTS, PATIENCE_SECONDS, Failure, Project, require

EVERY = 8
HOWS = ("before", "after", "torn", "eio", "enospc")
EDIT = """cat >/dev/null
printf 'by the agent\\n' >tracked
rm -rf deep "with space" built && printf 'file now' >deep
chmod 644 script && ln -sf untracked link
printf other >secret && chmod 644 secret
rm untracked && mkdir -p untracked/er && printf x >untracked/er/x
mkdir -p new/folder && printf new >new/folder/file
echo done
"""


class Scene(Project):
    """A project of which an agent left nothing as it was."""

    def __init__(self, root):
        super().__init__(root / "project", BUILD / "fermata", {
            "w": "{ name: w, phases: [{ id: p, steps: [{ id: s, agent: a, prompt: go }] }] }\n"})
        (root / "edit").write_text(EDIT)
        (self.path / ".fermata" / "config.yaml").write_text(
            f"agents:\n  a: {{ type: command, command: [sh, {root}/edit] }}\n")
        self.git("init", "-q")
        for name, text in {"tracked": "one\n", "with space": "two\r\nthree", "script": "#!/bin/sh\n",
                           "deep/er/file": "deep\n", ".gitignore": "secret\nbuilt/\n"}.items():
            self.write(name, text)
        (self.path / "link").symlink_to("tracked")
        (self.path / "script").chmod(0o755)
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
        self.write("secret", "key")
        (self.path / "secret").chmod(0o600)
        self.write("built/x.o", "object")
        self.write("untracked", "mine\0binary")
        self.before = self.state()
        self.call("run", "-w", "w")
        self.after = self.state()
        require(self.before != self.after, "the agent changed nothing")

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.path, env=self.environment, check=True)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def state(self):
        """Everything but what is git's and ours: names, modes, bytes, links."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            name = str(path.relative_to(self.path))
            if name.split("/")[0] in (".git", ".fermata"):
                continue
            if path.is_symlink():
                found[name] = "link", os.readlink(path)
            elif path.is_dir():
                found[name] = ("folder",)
            else:
                found[name] = oct(path.stat().st_mode), path.read_bytes()
        return found

    def require_state(self, wanted, when):
        now = self.state()
        different = [name for name in {*now, *wanted} if now.get(name) != wanted.get(name)]
        require(not different, f"{when}: not as they were: {sorted(different)}")

    def undo(self, *options, faults=None):
        environment = dict(self.environment)
        if faults:
            environment |= {"LD_PRELOAD": str(FAULTS), "FAULTS": faults}
            environment["ASAN_OPTIONS"] = (environment.get("ASAN_OPTIONS", "")
                                           + ":verify_asan_link_order=0")
        return subprocess.run([self.fermata, "undo", "last", *options], cwd=self.path,
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=PATIENCE_SECONDS)

    def fault(self, how, at, *options):
        """True: it was met."""
        done = self.undo(*options, faults=f"how={how},at={at},count={self.path.parent}/calls")
        require(done.returncode in (0, 1, 5, -signal.SIGKILL), f"exit {done.returncode}: {done.stderr}")
        require(done.returncode in (0, -signal.SIGKILL) or done.stderr.startswith("fermata: "),
                f"no word why: {done.stderr}")
        return done.returncode != 0

    def again(self, *options):
        done = self.undo(*options)
        require(done.returncode == 0, f"repeated: exit {done.returncode}: {done.stderr}")

    def count(self, how, *options):
        (self.path.parent / "calls").unlink(missing_ok=True)
        done = self.undo(*options, faults=f"how={how},at=0,count={self.path.parent}/calls")
        require(done.returncode == 0, done.stderr)
        return int((self.path.parent / "calls").read_text())

    def play(self, how, at):
        """From what the agent left to what it left; each way ended somewhere and asked for again."""
        met = self.fault(how, at)
        self.again()
        self.require_state(self.before, "undo, again")
        met += self.fault(how, at, "--back")
        # A --back that had ended, or had not begun, is no half one: one more would turn round.
        if self.state() != self.after:
            self.again("--back")
        elif self.is_open():
            self.again("--back")
        self.require_state(self.after, "undo --back, again")
        met += self.fault(how, at)
        if self.state() != self.after or self.is_open():
            self.again("--back")
            self.require_state(self.after, "--back of a half undo")
            self.again("--back")
            self.require_state(self.before, "--back of that: the whole undo")
            self.again("--back")
        self.require_state(self.after, "in the end")
        return met

    def is_open(self):
        store = self.open_store()
        try:
            notes = sorted(store.execute("SELECT place, note FROM note WHERE place LIKE 'undo/%'"),
                           key=lambda row: int(row[0].split("/")[1]))
            return bool(notes) and '"open":true' in notes[-1][1]
        finally:
            store.close()


def main():
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="fermata-undo-", dir=memory))
    every = int(os.environ.get("CRASH_EVERY") or EVERY)
    offset = int(os.environ.get("CRASH_OFFSET") or random.SystemRandom().randrange(every)) % every
    print("1..1")
    print(f"# CRASH_EVERY={every} CRASH_OFFSET={offset}")
    point = None
    try:
        scene = Scene(root)
        points = []
        for how in HOWS:
            calls = max(scene.count("before" if how == "after" else how),
                        scene.count("before" if how == "after" else how, "--back"))
            points += [(how, at) for at in range(1, calls + 1)]
        points = points[offset::every]
        met = 0
        for point in points:
            met += scene.play(*point)
        require(met > len(points), f"only {met} calls of {len(points)} points were met")
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"not ok 1 - an undo that ends anywhere can be asked for again, and taken back\n"
              f"# at {point}: {failure}\n# kept: {root}")
        return 1
    print(f"ok 1 - an undo that ends anywhere can be asked for again, and taken back: {met} ends at "
          f"{len(points)} points")
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
