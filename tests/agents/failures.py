# SPDX-License-Identifier: MIT
"""What stands around a call, for real: circuit breaker, token bucket, parking, fallback and liveness through the real
fermata against a model server that fails as it is told. Prints TAP."""
import concurrent.futures
import email.utils
import json
import os
import signal
import time
from pathlib import Path

from models import Cases, Models, wait_for
from servers import ANSWER, Project, assert_done, assert_failed


class Pair(Project):
    """Two agents, `mine` and `other`, on one server."""

    def __init__(self, models, other=None, **mine):
        self.other = {"type": "openai-compatible", "endpoint": models.url, "model": "second", **(other or {})}
        super().__init__("openai-compatible", models, **mine)

    def configure(self, agent):
        agents = {"mine": agent, "other": self.other}
        (self.folder / ".fermata/config.yaml").write_text(json.dumps({"agents": agents}))

    def begin(self, prompt, attempts=1, **keys):
        self.step(prompt, attempts, **keys)
        self.said = self.fermata("run", "-w", "w", "--no-input", "--detach", "task")
        return self.said.stdout.split()[-1]

    def breaker(self):
        return json.loads(self.look("agents", "mine", "--json").stdout)["agents"][0]["breaker"]

    def records(self, kind):
        lines = self.look("logs", "last", "--records").stdout.splitlines()
        return [record for record in map(json.loads, lines) if record["kind"] == kind]

    def drivers(self, run):
        """The processes that drive the run, but those of it that have ended."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
                if b"drive" in words and run.encode() in words:
                    found.append(int(path.name))
            except OSError:
                pass
        return found

    def asked(self):
        """The models whose requests the server has answered with a scenario, in their order."""
        return [entry["model"] for entry in self.models.log(200) if entry.get("scenario")]


DOWN = "do it [[mock:503]]"
UP = f'do it [[mock:text text="{ANSWER}"]]'


def a_breaker_opens_lets_one_call_through_opens_again_and_closes(models):
    with Pair(models, breaker_threshold=2, breaker_recovery="1h") as project:
        assert_failed(project.run(DOWN), "transient")
        assert project.breaker()["failures"] == 1, project.breaker()
        assert_failed(project.run(DOWN), "transient")
        assert project.breaker()["state"] == "open", project.breaker()
        step = project.run(UP, fallback=["other"], reuse="never")  # another process, another run
        assert_done(project, step, ANSWER)
        assert step["given_up"][0]["passed_over"] and "503" in step["given_up"][0]["error"], step
        assert project.asked() == ["mock", "mock", "second"], project.asked()
        project.configure({"type": "openai-compatible", "endpoint": models.url, "model": "mock",
                           "breaker_threshold": 2, "breaker_recovery": "1s"})
        assert_failed(project.run(DOWN, reuse="never"), "transient")  # waits for its turn: the call that tries
        tried = project.breaker()
        assert tried["state"] == "open" and tried["failures"] == 3, tried
        assert_done(project, project.run(UP, reuse="never"), ANSWER)
        assert project.breaker()["state"] == "closed" and project.breaker()["failures"] == 0, project.breaker()
        assert project.asked() == ["mock", "mock", "second", "mock", "mock"], project.asked()


def a_bucket_that_is_drained_fills_again_for_all_agents_of_its_account(models):
    shared = {"account": "ours", "rate_limit": 4}
    with Pair(models, other=shared, **shared) as project:
        steps = [{"id": agent, "agent": agent, "prompt": UP, "foreach": [1, 2], "reuse": "never"}
                 for agent in ("mine", "other")]
        document = {"name": "w", "phases": [{"id": "p", "mode": "parallel", "steps": steps}]}
        (project.folder / ".fermata/workflows/w.yaml").write_text(json.dumps(document))
        done = project.fermata("run", "-w", "w", "--no-input", "task")
        assert done.returncode == 0, done.stderr
        assert sorted(project.asked()) == ["mock", "mock", "second", "second"], project.asked()
        # Another process finds what this one left: its call has a token for later, and loses no try.
        assert_done(project, project.run(UP, reuse="never"), ANSWER)
        waits = [record for record in project.records("step_waiting")
                 if "account ours takes 4 calls a minute" in record.get("message", "")]
        started = project.records("attempt_started")
        assert len(waits) == 1 and len(started) == 1 and started[0]["at"] >= waits[0]["until"], (waits, started)


def two_at_once(project, prompt, **keys):
    """Two runs, each with a process of its own that drives it."""
    runs = [project.begin(prompt, reuse="never", **keys) for _ in range(2)]
    assert runs[0] != runs[1], runs
    return runs


def status(project, run):
    return json.loads(project.look("show", run, "--json").stdout)["status"]


SLOW = f'do it [[mock:text text="{ANSWER}" chunks=4 delay_ms=250]]'


def two_processes_at_once_make_one_call_where_one_is_allowed(models):
    with Pair(models, concurrency=1) as project:
        for run in two_at_once(project, SLOW):
            wait_for(lambda run=run: status(project, run) == "completed")
        assert project.asked() == ["mock", "mock"], project.asked()
        assert models.stats()["peak_active"] == 1, models.stats()


def two_processes_at_once_make_one_call_through_a_half_open_breaker(models):
    # A call that has said nothing for as long as the recovery takes no longer keeps others away.
    with Pair(models, breaker_threshold=1, breaker_recovery="10s") as project:
        assert_failed(project.run(DOWN), "transient")
        assert project.breaker()["state"] == "open", project.breaker()
        for run in two_at_once(project, SLOW):
            wait_for(lambda run=run: status(project, run) == "completed")
        assert project.asked() == ["mock", "mock", "mock"], project.asked()
        assert models.stats()["peak_active"] == 1, models.stats()
        assert project.breaker()["state"] == "closed", project.breaker()


def two_processes_at_once_drain_one_bucket(models):
    with Pair(models, rate_limit=4) as project:
        runs = two_at_once(project, UP, foreach=[1, 2, 3])

        def waits():
            lines = [line for run in runs for line in project.look("logs", run, "--records").stdout.splitlines()]
            return [record for record in map(json.loads, lines)
                    if record["kind"] == "step_waiting" and "takes 4 calls a minute" in record.get("message", "")]

        wait_for(lambda: len(project.asked()) == 4 and len(waits()) == 2)
        first, second = sorted(record["until"] for record in waits())
        assert second - first >= 14000, (first, second)  # a token every 15 s, and each wait is for one of its own
        for run in runs:
            project.fermata("cancel", run)  # one of them may have had all its calls


def over_a_pause(project, run):
    assert project.fermata("pause", run).returncode == 0
    wait_for(lambda: json.loads(project.look("show", run, "--json").stdout)["status"] == "paused")


def over_a_kill(project, run):
    wait_for(lambda: len(project.drivers(run)) == 1)
    os.kill(project.drivers(run)[0], signal.SIGKILL)
    wait_for(lambda: not project.drivers(run))


def parks_until(models, scenario, least_s, disturb=over_a_pause):
    with Pair(models) as project:
        run = project.begin(f'do it [[mock:{scenario} times=1 | text text="{ANSWER}"]]')
        wait_for(lambda: project.state().get("waiting") == "retry")
        until = project.records("step_waiting")[-1]["until"]
        ended, begun = project.records("attempt_ended")[0], project.records("attempt_started")[0]
        assert ended["class"] == "limit" and until - begun["at"] >= least_s * 1000, (ended, until)
        disturb(project, run)
        project.said = project.fermata("resume", run)
        assert_done(project, project.state(), ANSWER)
        started = project.records("attempt_started")
        assert len(started) == 2 and started[1]["at"] >= until, (started, until)
        assert project.asked() == ["mock", "mock"], project.asked()


def a_parked_step_goes_on_by_itself_in_the_next_owner(models):
    parks_until(models, "429 retry_after=15", 15, over_a_kill)


def a_parked_step_stays_parked_over_each_of_its_owners(models):
    """What it waits for stays the same instant, and nobody calls before it."""
    with Pair(models) as project:
        run = project.begin("do it [[mock:429 retry_after=3600]]")
        wait_for(lambda: project.state().get("waiting") == "retry")
        until = project.state()["until"]
        for _ in range(3):
            over_a_kill(project, run)
            assert project.fermata("resume", run, "--detach", "--no-input").returncode == 0
            state = project.state()
            assert (state["waiting"], state["until"], project.asked()) == ("retry", until, ["mock"]), state
        assert len(project.records("attempt_started")) == 1


def a_limit_in_seconds_parks_the_step_over_a_restart(models):
    parks_until(models, "429 retry_after=15", 15)


def a_limit_until_a_date_parks_the_step_over_a_restart(models):
    date = email.utils.formatdate(time.time() + 20, usegmt=True)
    parks_until(models, f'429 retry_after="{date}"', 5)


def a_parked_step_can_be_cancelled(models):
    with Pair(models) as project:
        run = project.begin("do it [[mock:429 retry_after=3600]]")
        wait_for(lambda: project.state().get("waiting") == "retry")
        assert project.fermata("cancel", run).returncode == 0
        wait_for(lambda: json.loads(project.look("show", run, "--json").stdout)["status"] == "cancelled")
        assert project.state()["status"] == "cancelled", project.state()
        assert project.asked() == ["mock"], project.asked()


def a_limit_goes_to_the_fallback_where_the_step_says_so(models):
    with Pair(models) as project:
        step = project.run(f'do it [[mock:429 times=1 id=once retry_after=30 | text text="{ANSWER}"]]', fallback=["other"],
                           on_limit="fallback")
        assert_done(project, step, ANSWER)
        assert step["given_up"][0]["class"] == "limit" and step["agent"] == "other", step
        assert project.asked() == ["mock", "second"], project.asked()


def the_next_agent_gets_what_happened_to_the_one_before(models):
    for fault, failure in (("503", "transient"), ("401", "permanent"), ("cut", "transient")):
        with Pair(models) as project:
            before = len(project.asked())
            step = project.run(f'do it [[mock:{fault} times=1 id={fault} | text text="{ANSWER}"]]', fallback=["other"])
            assert_done(project, step, ANSWER)
            assert (step["fallback_from"], step["given_up"][0]["class"]) == ("mine", failure), step
            assert project.asked()[before:] == ["mock", "second"], project.asked()
            prompt = (next(project.folder.glob(".fermata/workflows/*/attempts/s.2")) / "prompt").read_text()
            assert f"mine (1 try, {failure}): " in prompt and "What was done before you" in prompt, prompt


def when_all_fail_each_error_is_told(models):
    with Pair(models) as project:
        step = project.run(DOWN, fallback=["other"])
        assert step["status"] == "failed", step
        assert step["error"].startswith("mine: ") and "; other: " in step["error"], step
        assert step["error"].count("503") == 2, step


def what_a_model_refuses_no_other_is_asked_for(models):
    with Pair(models) as project:
        step = project.run("do it [[mock:refuse]]", fallback=["other"])
        assert_failed(step, "refused")
        assert project.asked() == ["mock"], project.asked()


def who_is_silent_is_told_of_and_only_ended_where_the_step_says_so(models):
    with Pair(models) as project:
        step = project.run("do it [[mock:hang]]", quiet={"after": "1s", "then": "stop"})
        assert_failed(step, "timeout")
        told = project.records("attempt_liveness")
        assert [record["state"] for record in told] == ["quiet"] and told[0]["stopped"], told
        wait_for(lambda: not project.processes())
    with Pair(models) as project:
        run = project.begin(f'do it [[mock:text text="{ANSWER}" chunks=2 delay_ms=3000]]', quiet={"after": "1s"})
        wait_for(lambda: any(record["state"] == "quiet" for record in project.records("attempt_liveness")))
        wait_for(lambda: json.loads(project.look("show", run, "--json").stdout)["status"] == "completed")
        assert_done(project, project.state(), ANSWER)
        assert len(project.records("attempt_started")) == 1


CASES = [
    a_breaker_opens_lets_one_call_through_opens_again_and_closes,
    a_bucket_that_is_drained_fills_again_for_all_agents_of_its_account,
    two_processes_at_once_make_one_call_where_one_is_allowed,
    two_processes_at_once_make_one_call_through_a_half_open_breaker, two_processes_at_once_drain_one_bucket,
    a_parked_step_goes_on_by_itself_in_the_next_owner, a_parked_step_stays_parked_over_each_of_its_owners,
    a_limit_in_seconds_parks_the_step_over_a_restart, a_limit_until_a_date_parks_the_step_over_a_restart,
    a_parked_step_can_be_cancelled, a_limit_goes_to_the_fallback_where_the_step_says_so,
    the_next_agent_gets_what_happened_to_the_one_before, when_all_fail_each_error_is_told,
    what_a_model_refuses_no_other_is_asked_for, who_is_silent_is_told_of_and_only_ended_where_the_step_says_so,
]


def run_case(cases, function):
    with Models() as models:
        cases.run(function.__name__.replace("_", " "), function, models)


def main():
    cases = Cases()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(run_case, cases, function) for function in CASES]:
            job.result()
    cases.end()


if __name__ == "__main__":
    main()
