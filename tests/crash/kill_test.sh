#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 at random instants; see kill.py. CRASH_SEED=N repeats a schedule.
exec python3 -S "$(dirname "$0")/kill.py"
