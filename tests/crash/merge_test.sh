#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of the orchestrator, or of git itself, at the git commands of merges; see merge.py.
exec python3 -S "$(dirname "$0")/merge.py"
