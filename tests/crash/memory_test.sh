#!/bin/sh
# SPDX-License-Identifier: MIT
# Each allocation of each operation fails; see memory.py.
exec python3 "$(dirname "$0")/memory.py"
