# SPDX-License-Identifier: MIT
"""The workloads and the rows of the table that they fill. docs/performance.md says of each what it
is, what bounds it and how it grows."""
import json
import os
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass

from kit import (LiveRun, NotMeasured, at_once, cpu_seconds, in_a_row, memory_kb, processes_below,
                 spawn_seconds, wait_until)


@dataclass
class Row:
    """One line. `limit` compares the median: ("share", 0.7) at least this share of the floor's pace,
    ("times", 4) at most so many times the floor's time, ("most", 5) at most this value, ("either", 15, 1.8)
    at most this value or at most so many times the floor's time."""
    key: str
    what: str
    unit: str
    ceiling: str = ""
    limit: tuple = ()
    floor: str = ""     # what the floor does; "": there is none
    steps: int = 0      # shown as steps a second


@dataclass
class Workload:
    """measure(bench) gives {key: value or (value, floor)} for its rows, once a round."""
    measure: object
    rows: list
    rounds: int = 5     # at most; what takes long or hardly varies is measured less often


# ---- size and start --------------------------------------------------------------------------

def binary_size(bench):
    stripped = bench.scratch / "stripped"
    subprocess.run(["strip", "-o", str(stripped), str(bench.fermata)], check=True)
    return {"binary": stripped.stat().st_size / 1e6}


def version_time(bench):
    times = 20

    def ours():
        return sum(spawn_seconds(bench.command("--version"), bench.env) for _ in range(times)) / times
    value, floor = bench.pair(ours, lambda: bench.floor("start", times) / times)
    return {"version": (value * 1e3, floor * 1e3)}


def first_step(bench):
    """To the moment the first step's own command has run."""
    def ours():
        folder = bench.project(in_a_row(1, "run: 'date +%s%N >done'"))
        started = time.time_ns()
        spawn_seconds(bench.command("-C", folder, "run", "-w", folder / "bench.yaml", "--no-input"),
                      bench.env)
        return (int((folder / "done").read_text()) - started) / 1e9

    def floor_of_it():
        folder = bench.folder("floor")
        return bench.floor_to_clock(folder, folder / "floor.db")
    value, floor = bench.pair(ours, floor_of_it)
    return {"first_step": (value * 1e3, floor * 1e3)}


# ---- many steps ------------------------------------------------------------------------------

def ten_in_a_row(bench):
    ours, floor = bench.pair(lambda: bench.measure_workflow(in_a_row(10, "use: noop"), 100),
                             lambda: bench.floor("commits", 1000, 1))
    return {"row_noop": (ours["seconds"], floor), "gap_p50": ours["gap_p50_us"],
            "gap_p99": ours["gap_p99_us"]}


def ten_at_once(bench):
    ours, floor = bench.pair(lambda: bench.measure_workflow(in_a_row(10, "use: noop"), 100, 64),
                             lambda: bench.floor("commits", 1000, 64))
    return {"row_noop_64": (ours["seconds"], floor), "row_noop_64_memory": ours["peak_rss_mb"]}


def ten_processes(bench):
    ours, floor = bench.pair(lambda: bench.measure_workflow(in_a_row(10, "run: 'true'"), 20),
                             lambda: bench.floor("spawn", 200, 1))
    return {"row_true": (ours["seconds"], floor), "gap_true": ours["gap_p50_us"]}


def wide(bench):
    """The larger one in the same round, for its growth."""
    small, floor = bench.pair(lambda: bench.measure_workflow(at_once(1000, "use: noop"))["seconds"],
                              lambda: bench.floor("commits", 1001, 1000))
    large = bench.measure_workflow(at_once(10000, "use: noop"))
    return {"wide_1000": (small, floor), "wide_10000": (large["seconds"], small),
            "wide_10000_memory": large["peak_rss_mb"]}


def processes_wide(bench):
    def ours():
        return bench.measure_workflow(at_once(500, "run: 'true'", 8, join=False),
                                      settings="concurrency: 8\n")["seconds"]
    return {"wide_true": bench.pair(ours, lambda: bench.floor("spawn", 500, 8))}


# ---- crashes ---------------------------------------------------------------------------------

def kill_and_restart(bench):
    """SIGKILL in the first step, which goes on under its keeper; then from exec of `resume` to the
    second step's own first line. Its floor: from exec to the same command, with a store that is there."""
    def ours():
        run = LiveRun(bench, "date +%s%N >second")
        with run:
            run.process.send_signal(signal.SIGKILL)
            run.process.wait()
            (run.folder / "go").touch()
            wait_until(lambda: not processes_below(run.folder, "fermata-keep"), "the end of the keeper")
            started = time.time_ns()
            spawn_seconds(bench.command("-C", run.folder, "resume", "last", "--no-input"), bench.env)
        if (run.folder / "started").read_text() != "x\n":
            raise NotMeasured("the finished step was begun again")
        return (int((run.folder / "second").read_text()) - started) / 1e9

    def floor_of_it():
        folder = bench.folder("floor")
        bench.floor_to_clock(folder, folder / "floor.db")
        return bench.floor_to_clock(folder, folder / "floor.db")
    value, floor = bench.pair(ours, floor_of_it)
    return {"restart": (value * 1e3, floor * 1e3)}


def driver_of(folder):
    """The process behind --detach, once it is at work."""
    found = [pid for pid in processes_below(folder, "fermata")
             if b"drive" in (open(f"/proc/{pid}/cmdline", "rb").read())]
    return found[0] if found else None


def kill_detached(bench):
    """A thousand steps in the background; SIGKILL when half of them have ended."""
    steps, width = 1000, 8
    folder = bench.project(at_once(steps, "run: 'echo x >>done/$FERMATA_INDEX'", width, join=False),
                           settings=f"concurrency: {width}\n")
    done = folder / "done"
    done.mkdir()
    bench.call(folder, "run", "-w", "bench.yaml", "--detach")
    driver = wait_until(lambda: driver_of(folder), "the start of the background process")
    wait_until(lambda: len(os.listdir(done)) >= steps // 2, "half of the steps")
    os.kill(driver, signal.SIGKILL)
    started = time.monotonic()
    bench.call(folder, "resume", "last", "--no-input")
    seconds = time.monotonic() - started
    lines = [len((done / name).read_text()) // 2 for name in os.listdir(done)]
    if len(lines) != steps:
        raise NotMeasured(f"{steps - len(lines)} steps were not done at all")
    return {"detached": (seconds, bench.floor("spawn", steps // 2, width)),
            "detached_twice": sum(lines) - steps}


def recovery(bench):
    report = bench.engine("recover", 1000)
    return {"recover": report["adopt_seconds"], "recover_step": report["seconds"]}


# ---- standing still --------------------------------------------------------------------------

def idle(bench):
    """The process of a run while its one step is waited for, and that step's keeper."""
    with LiveRun(bench) as run:
        keepers = processes_below(run.folder, "fermata-keep")
        if not keepers:
            raise NotMeasured("found no keeper process")
        keeper = memory_kb(keepers[0], "status", "VmRSS")
        pss = memory_kb(run.process.pid, "smaps_rollup", "Pss")
        before = cpu_seconds(run.process.pid)
        time.sleep(2)
        used = cpu_seconds(run.process.pid) - before
    return {"idle_memory": pss / 1e3, "idle_cpu": used / 2 * 100, "keeper": keeper / 1e3}


def waiting(steps):
    def measure(bench):
        report = bench.engine("waiting", steps, 5)
        return {f"waiting_{steps}": report["pss_kb"] / 1e3, f"waiting_{steps}_cpu": report["cpu_seconds"]}
    return measure


def parked(bench):
    return {"parked": bench.engine("parked", 200)["kb_each"],
            "active": bench.engine("active", 32, bench.keeper)["kb_each"]}


# ---- agents ----------------------------------------------------------------------------------

def agents_config(bench, *arguments):
    command = ", ".join(json.dumps(str(word)) for word in (bench.agent_program, *arguments))
    return f"agents:\n  model: {{ type: gemini, command: [{command}] }}\n"


def ends_of_attempts(folder):
    """When each attempt's end was recorded, in milliseconds, sorted."""
    store = sqlite3.connect(folder / ".fermata" / "fermata.db")
    ends = [at for at, in store.execute("SELECT at FROM journal WHERE kind = 'attempt_ended'")]
    store.close()
    return sorted(ends)


def many_agents(bench):
    """Two hundred that stream for 30 s, in one run: readers, for of those that may edit each has the project for itself.
    Ends are matched in their order."""
    count, seconds = 200, 30
    ended = bench.folder("ended")
    folder = bench.project(at_once(count, "agent: model, prompt: go, read_only: true", join=False),
                           agents_config(bench, seconds, ended) + f"concurrency: {count}\n")
    process = subprocess.Popen(bench.command("run", "-w", "bench.yaml", "--no-input"), cwd=folder,
                               env=bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    peak, used, late = 0, 0.0, time.monotonic() + 10 * seconds
    while process.poll() is None:
        if time.monotonic() > late:
            process.terminate()
            process.wait()
            raise NotMeasured(f"{len(os.listdir(ended))} of {count} agents ended: they were not at work at once")
        try:
            peak = max(peak, memory_kb(process.pid, "smaps_rollup", "Pss"))
            used = cpu_seconds(process.pid)
        except (NotMeasured, OSError, IndexError):
            pass    # it has just ended
        time.sleep(0.25)
    said = sorted(int((ended / name).read_text()) for name in os.listdir(ended))
    ends = ends_of_attempts(folder)
    if process.returncode != 0 or len(said) != count or len(ends) != count:
        raise NotMeasured(f"{len(said)} of {count} agents ended, and {len(ends)} were recorded")
    waits = sorted(end - last / 1e3 for last, end in zip(said, ends))
    return {"agents_200": peak / 1e3, "agents_200_cpu": used,
            "agents_200_end": waits[count // 2], "agents_200_end_p99": waits[int(count * 0.99)]}


def agent_overhead(bench):
    """An agent that answers at once, as a step and by itself."""
    steps, runs = 10, 5

    def ours():
        return bench.measure_workflow(in_a_row(steps, "agent: model, prompt: go"), runs,
                                      settings=agents_config(bench, 0, "-"))["seconds"] / steps / runs

    def direct():
        command = [str(bench.agent_program), "0", "-"]
        return sum(spawn_seconds(command, bench.env) for _ in range(steps * runs)) / steps / runs
    value, floor = bench.pair(ours, direct)
    return {"agent_overhead": (value * 1e3, floor * 1e3)}


# ---- on disk ---------------------------------------------------------------------------------

def journal_bytes(bench):
    """What a hundred runs of ten steps add to a store that has some."""
    folder = bench.project(in_a_row(10, "use: noop"))

    def sizes():
        store = sqlite3.connect(folder / ".fermata" / "fermata.db")
        journal, = store.execute("SELECT SUM(LENGTH(run) + LENGTH(kind) + LENGTH(CAST(body AS BLOB)) + 24)"
                                 " FROM journal").fetchone()
        pages, = store.execute("PRAGMA page_count").fetchone()
        page, = store.execute("PRAGMA page_size").fetchone()
        store.close()
        return journal, pages * page
    bench.measure(folder, 10)
    before = sizes()
    bench.measure(folder, 100)
    after = sizes()
    return {"journal": (after[0] - before[0]) / 1000, "store": (after[1] - before[1]) / 1000}


WORKLOADS = [
    Workload(binary_size, [Row("binary", "stripped binary", "MB", "3 MB", ("most", 3))], rounds=1),
    Workload(version_time, [Row("version", "fermata --version", "ms", "5 ms or 3 x floor",
                                ("either", 5, 3), "a process that does nothing")]),
    Workload(first_step, [Row("first_step", "exec to first step done, store created", "ms",
                              "15 ms or 1.8 x floor", ("either", 15, 1.8),
                              "exec, a new store, a commit, the step's shell")]),
    Workload(ten_in_a_row, [
        Row("row_noop", "100 runs x 10 no-op steps, one run at a time", "s", ">= 70 % of floor",
            ("share", 0.7), "1,000 commits", 1000),
        Row("gap_p50", "  gap between two of its steps, median", "us"),
        Row("gap_p99", "  gap, 99th percentile", "us")]),
    Workload(ten_at_once, [
        Row("row_noop_64", "the same, 64 runs at once", "s", "30 ms or 2 x floor", ("either", 0.03, 2),
            "1,000 records, 64 a commit", 1000),
        Row("row_noop_64_memory", "  memory at most", "MB")]),
    Workload(ten_processes, [
        Row("row_true", "20 runs x 10 process steps in a row", "s", "", (),
            "200 processes, one after another, a commit each", 200),
        Row("gap_true", "  gap between two of its steps, median", "us")]),
    Workload(wide, [
        Row("wide_1000", "one run, 1,000 parallel steps, join", "s", "20 ms or 4 x floor", ("either", 0.02, 4),
            "1,001 records, two commits"),
        Row("wide_10000", "one run, 10,000 parallel steps, join", "s", "<= 12 x of 1,000", ("times", 12),
            "the time of 1,000 steps"),
        Row("wide_10000_memory", "  memory at most", "MB")]),
    Workload(processes_wide, [
        Row("wide_true", "500 process steps, width 8", "s", ">= 50 % of floor", ("share", 0.5),
            "500 processes, 8 at once, their results committed", 500)]),
    Workload(kill_and_restart, [Row("restart", "kill -9, restart to the next step", "ms",
                                    "20 ms or 2.5 x floor", ("either", 20, 2.5),
                                    "exec, a store that is there, a commit, the step's shell")]),
    Workload(kill_detached, [
        Row("detached", "detached run of 1,000 steps killed half-way: resume to end", "s", "", (),
            "500 processes, 8 at once, their results committed"),
        Row("detached_twice", "  steps done twice", "", "0", ("most", 0))], rounds=3),
    Workload(recovery, [
        Row("recover", "recovery of 1,000 unfinished runs", "s", "1 s", ("most", 1)),
        Row("recover_step", "  and until each has taken its next step", "s")], rounds=3),
    Workload(idle, [
        Row("idle_memory", "process of a run that waits for a step", "MB", "10 MB", ("most", 10)),
        Row("idle_cpu", "  its CPU", "%", "0 %", ("most", 0.5)),
        Row("keeper", "keeper, resident", "MB", "1.5 MB", ("most", 1.5))], rounds=3),
    Workload(waiting(1000), [
        Row("waiting_1000", "1,000 waiting steps", "MB", "10 MB", ("most", 10)),
        Row("waiting_1000_cpu", "  CPU in 5 s", "s", "0.05 s", ("most", 0.05))], rounds=3),
    Workload(waiting(10000), [
        Row("waiting_10000", "10,000 waiting steps", "MB"),
        Row("waiting_10000_cpu", "  CPU in 5 s", "s")], rounds=3),
    Workload(parked, [
        Row("parked", "a parked run", "KB", "64 KB", ("most", 64)),
        Row("active", "an active step without its process", "KB", "64 KB", ("most", 64))], rounds=3),
    Workload(agent_overhead, [
        Row("agent_overhead", "an agent step whose agent answers at once", "ms", "", (),
            "calling that program, one after another")], rounds=3),
    Workload(many_agents, [
        Row("agents_200", "200 agents that stream for 30 s: memory", "MB"),
        Row("agents_200_cpu", "  CPU in all", "s"),
        Row("agents_200_end", "  an agent's last byte to its end's record, median", "ms"),
        Row("agents_200_end_p99", "  the same, 99th percentile", "ms")], rounds=1),
    Workload(journal_bytes, [
        Row("journal", "journal, for each no-op step", "bytes"),
        Row("store", "  the whole store, for each no-op step", "bytes")], rounds=1),
]
