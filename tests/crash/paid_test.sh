#!/bin/sh
# SPDX-License-Identifier: MIT
# What a workflow of agents costs over kill -9; see paid.py. CRASH_SEED=N repeats a schedule.
exec python3 -S "$(dirname "$0")/paid.py"
