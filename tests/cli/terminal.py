#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""terminal.py CASE FERMATA: plays a person at a terminal; exits 0 when all is as expected."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import termios
import time

SECONDS = 30


class Terminal:
    """The program on a pseudo terminal of its own, and everything it printed."""

    def __init__(self, argv, columns=80, rows=24, env=None):
        self.text = ""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})})
            # The size must be there before the program asks for it.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvp(argv[0], argv)
        self.columns = columns

    def read(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return None
        if not data:
            return None
        self.text += data.decode("utf-8", "replace")
        return True

    def wait_for(self, pattern):
        """Reads until the pattern is there; returns what was printed."""
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self.text, re.DOTALL):
            if time.monotonic() > end or self.read(0.1) is None:
                fail(f"waited in vain for {pattern!r} in:\n{self.text}")
        return self.text

    def send(self, text):
        os.write(self.fd, text.encode())

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        """Reads to the end; returns the exit status."""
        end = time.monotonic() + SECONDS
        while self.read(0.1) is not None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                fail(f"did not end:\n{self.text}")
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def fail(message):
    print(message)
    sys.exit(1)


def expect(condition, message):
    if not condition:
        fail(message)


def screen(text, columns):
    """What a terminal that knows the few sequences we use would show in the end."""
    lines, row, column = [[]], 0, 0
    for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]", text):
        if part == "\n":
            row, column = row + 1, column
            if row == len(lines):
                lines.append([])
        elif part == "\r":
            column = 0
        elif part.endswith("A") and part.startswith("\x1b"):
            row = max(0, row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            lines[row] = []
        elif part.startswith("\x1b"):
            expect(part.endswith("m"), f"unexpected sequence {part!r}")
        else:
            if column == columns:
                row, column = row + 1, 0
                if row == len(lines):
                    lines.append([])
            line = lines[row]
            line.extend(" " * (column - len(line)))
            line[column:column + 1] = [part]
            column += 1
    return "\n".join("".join(line).rstrip() for line in lines)


def case_pause(fermata):
    terminal = Terminal([fermata, "run", "-w", "holds"])
    terminal.wait_for(r"hold .*waiting")
    terminal.send("\x03")
    terminal.wait_for("Pausing: waiting for 1 step; press Ctrl-C again to stop it")
    open("go", "w").close()
    expect(terminal.end() == 130, f"exit status\n{terminal.text}")
    shown = screen(terminal.text, 80)
    expect("fermata resume wf_" in shown, f"no way to resume in\n{shown}")
    expect(not os.path.exists("last.count"), "the next phase began")


def case_stop(fermata):
    terminal = Terminal([fermata, "run", "-w", "holds"])
    terminal.wait_for(r"hold .*waiting")
    terminal.send("\x03")
    terminal.wait_for("Pausing")
    terminal.send("\x03")
    terminal.wait_for("Stopping the steps")
    expect(terminal.end() == 130, f"exit status\n{terminal.text}")
    expect(not os.path.exists("go"), "the step was waited for")


def case_leave(fermata):
    """The third Ctrl-C waits for nobody, though the step does not heed a stop."""
    terminal = Terminal([fermata, "run", "-w", "stubborn"])
    terminal.wait_for(r"stay .*waiting")
    for told in ("Pausing", "Stopping the steps", "Leaving; the steps are stopped without this process"):
        terminal.send("\x03")
        terminal.wait_for(told)
    expect(terminal.end() == 130, f"exit status\n{terminal.text}")
    expect(not os.path.exists("go"), "the step was waited for")


def case_live(fermata):
    terminal = Terminal([fermata, "run", "-w", "holds"], columns=60)
    terminal.wait_for(r"hold .*waiting")
    before = screen(terminal.text, 60)
    expect(before.count("one") == 1, f"drawn twice:\n{before}")
    expect(all(len(line) <= 60 for line in before.splitlines()), f"too wide:\n{before}")
    size = len(terminal.text)
    # What is drawn before the program knows of the new size must fit that too.
    terminal.resize(44)
    terminal.wait_for(r"(?s).{%d}.*hold.*\n" % size)
    open("go", "w").close()
    expect(terminal.end() == 0, f"exit status\n{terminal.text}")
    after = screen(terminal.text, 44)
    expect("completed" in after, f"no summary:\n{after}")
    expect("step 1/3" not in after, f"the region is still there:\n{after}")


def case_colours(fermata):
    for argv, env in (([], {"NO_COLOR": "1"}), (["--no-color"], {}), ([], {"TERM": "dumb"})):
        terminal = Terminal([fermata, *argv, "run", "-w", "holds", "--fresh"], env=env)
        expect(terminal.end() == 0, terminal.text)
        expect(not re.search(r"\x1b\[[0-9;]*m", terminal.text), f"colours with {argv} {env}")
    expect("\x1b" not in terminal.text, "a dumb terminal got escape sequences")
    terminal = Terminal([fermata, "status"])
    terminal.end()
    expect("\x1b[32m" in terminal.text, f"no colours where they are wanted:\n{terminal.text!r}")


def case_ask(fermata):
    terminal = Terminal([fermata, "run", "-w", "asks"])
    terminal.wait_for("who - Whom to greet: ")
    terminal.send("Ada\n")
    terminal.wait_for(r"Greet Ada\?.*\[a\]pprove, \[r\]eject or \[l\]ater\? ")
    terminal.send("a\n")
    expect(terminal.end() == 0, f"exit status\n{terminal.text}")
    terminal = Terminal([fermata, "run", "-w", "asks", "-i", "who=Bob", "--fresh"])
    terminal.wait_for(r"\[l\]ater\? ")
    terminal.send("l\n")
    expect(terminal.end() == 3, f"later: exit status\n{terminal.text}")
    terminal = Terminal([fermata, "run", "-w", "asks", "--no-input"])
    expect(terminal.end() == 2, f"--no-input: exit status\n{terminal.text}")


def case_long_answer(fermata):
    """A terminal that hands on what is typed at once has no ceiling of its own."""
    terminal = Terminal([fermata, "run", "-w", "asks"])
    terminal.wait_for("who - Whom to greet: ")
    modes = termios.tcgetattr(terminal.fd)
    modes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(terminal.fd, termios.TCSANOW, modes)
    for _ in range(70):
        terminal.send("x" * 1000)
    terminal.send("\n")
    terminal.wait_for("more than an answer may have")
    expect(terminal.end() == 2, f"exit status\n{terminal.text}")


def case_resume(fermata):
    """Paused at the first of three approvals; the first two get their answers here."""
    expect(Terminal([fermata, "approve", "last", "one"]).end() == 0, "approve")
    terminal = Terminal([fermata, "resume"])
    terminal.wait_for(r"two: .*\[l\]ater\? ")
    terminal.send("a\n")
    terminal.wait_for(r"three: .*\[l\]ater\? ")
    terminal.send("l\n")
    expect(terminal.end() == 3, f"exit status\n{terminal.text}")


def case_resume_silent(fermata):
    expect(Terminal([fermata, "approve", "last", "one"]).end() == 0, "approve")
    terminal = Terminal([fermata, "resume", "--no-input"])
    expect(terminal.end() == 3, f"exit status\n{terminal.text}")
    expect("ater? " not in terminal.text, f"it asked\n{terminal.text}")


def edit(fermata, editor):
    return Terminal([fermata, "edit", "last"], columns=200,
                    env={"VISUAL": "", "EDITOR": editor})


def case_edit(fermata):
    """The editor gets the text of the run; what becomes of each step is shown before it asks."""
    change = "sed -i 's/echo three/echo drei/'"
    terminal = edit(fermata, change)
    terminal.wait_for(r"three: done again, what goes into it is another.*"
                      r"2 steps stay, .* 2 done again.*Edit the plan so\? \[y\]es or \[n\]o\? ")
    terminal.send("n\n")
    expect(terminal.end() != 0, "it went on without a yes")
    expect("the plan was not edited" in terminal.text, terminal.text)
    terminal = edit(fermata, change)
    terminal.wait_for(r"\[n\]o\? ")
    terminal.send("y\n")
    terminal.wait_for("completed")
    expect(terminal.end() == 0, f"exit status\n{terminal.text}")


def case_edit_fails(fermata):
    terminal = edit(fermata, "sh -c 'echo name: other >\"$0\"; exit 1'")
    expect(terminal.end() != 0, "an editor that failed is as good as any")
    expect("did not end well; nothing is changed" in terminal.text, terminal.text)
    expect("[y]es" not in terminal.text, f"it asked\n{terminal.text}")


def case_edit_wrong(fermata):
    """The line is that of the text as the editor left it."""
    terminal = edit(fermata, "sed -i '3s/$/]/'")
    expect(terminal.end() == 7, f"exit status\n{terminal.text}")
    expect(re.search(r"edit\.yaml:3:\d+: ", terminal.text), terminal.text)
    expect("[y]es" not in terminal.text, f"it asked\n{terminal.text}")


SHELLS = {
    "bash": (["bash", "--norc", "-i"], "source <(fermata completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit && compinit -D -u && "
            "source <(fermata completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "fermata completion fish | source"),
}


def case_complete(fermata):
    """What is typed before TAB becomes what it should in every shell that is installed."""
    lines = (("fermata statu", "s"), ("fermata run -w hel", "lo"),
             ("fermata run --workflow=hel", "lo"), ("fermata run -w code-review -i ba", "nd="),
             ("fermata run -w code-review -i band=me", "dium"),
             ("fermata run -w hello -i who=@inp", "ut.txt"))
    folder = os.path.dirname(os.path.abspath(fermata))
    for shell, (argv, script) in SHELLS.items():
        if not shutil.which(shell):
            continue
        terminal = Terminal(argv, columns=200, env={"PATH": f"{folder}:{os.environ['PATH']}"})
        terminal.send(f"{script}; echo rea''dy\n")
        terminal.wait_for("ready")
        for typed, added in lines:
            terminal.text = ""
            terminal.send(f"{typed}\t")
            # A shell may ring, or draw the line anew, in between.
            between = r"(?:\x1b\[[0-9;?]*[A-Za-z]|[\x07\x08\r])*"
            terminal.wait_for(between.join(map(re.escape, typed[-3:] + added)))
            terminal.send("\x15")
        terminal.send("exit\n")
        terminal.end()


if __name__ == "__main__":
    {"pause": case_pause, "stop": case_stop, "live": case_live, "colours": case_colours,
     "ask": case_ask, "long-answer": case_long_answer, "resume": case_resume, "resume-silent": case_resume_silent,
     "complete": case_complete, "leave": case_leave, "edit": case_edit, "edit-fails": case_edit_fails,
     "edit-wrong": case_edit_wrong}[sys.argv[1]](sys.argv[2])
