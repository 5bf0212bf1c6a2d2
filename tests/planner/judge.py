#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plans every task of tasks.json and compares the plan with what a sensible engineer would choose.

    judge.py FERMATA FOLDER     FOLDER holds the projects shop, tool and service (see projects.sh)

A line for each: "ok", or "wrong" with what differs. The last line says how many are right. The exit
status is 0 when exactly those are wrong that the file says are (`"wrong": REASON`).
"""
import json
import os
import subprocess
import sys


def plan(fermata, project, task):
    answer = subprocess.run([fermata, "plan", task, "--json"], cwd=project, capture_output=True,
                            text=True, check=False)
    if answer.returncode != 0:
        return None, answer.stderr.strip()
    return json.loads(answer.stdout), None


def wave_of(plan_, expert):
    """The places of the expert: (number of the wave, whether its steps go on at once)."""
    return {(number, wave.get("mode") == "parallel")
            for number, wave in enumerate(plan_["waves"])
            for step in wave["steps"] if step.get("expert") == expert}


def differences(wanted, plan_):
    found = []
    name = "composed" if plan_["origin"] == "composed" else plan_["workflow"]
    experts = {step.get("expert") for wave in plan_["waves"] for step in wave["steps"]}

    if plan_["kind"] != wanted["kind"]:
        found.append("kind %s, not %s" % (plan_["kind"], wanted["kind"]))
    if name not in wanted["workflow"]:
        found.append("%s, not %s" % (name, " or ".join(wanted["workflow"])))
    found += ["without %s" % expert for expert in wanted.get("experts", []) if expert not in experts]
    found += ["with %s" % expert for expert in wanted.get("without", []) if expert in experts]
    for group in wanted.get("together", []):
        places = [{place for place in wave_of(plan_, expert) if place[1]} for expert in group]
        if not set.intersection(*places):
            found.append("not at once: %s" % ", ".join(group))
    for group in wanted.get("apart", []):
        places = [{number for number, _ in wave_of(plan_, expert)} for expert in group]
        if set.intersection(*places):
            found.append("in one wave: %s" % ", ".join(group))
    return found


def main():
    fermata, folder = sys.argv[1:3]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tasks.json"),
              encoding="utf-8") as file:
        tasks = json.load(file)
    right = 0
    surprises = 0
    for wanted in tasks:
        plan_, error = plan(fermata, os.path.join(folder, wanted["project"]), wanted["task"])
        found = [error] if error else differences(wanted, plan_)
        right += not found
        surprises += bool(found) != ("wrong" in wanted)
        print("%s %s%s" % ("wrong" if found else "ok   ", wanted["task"],
                           "".join("\n      " + line for line in found)))
    print("%d of %d right" % (right, len(tasks)))
    return 0 if surprises == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
