#!/bin/sh
# SPDX-License-Identifier: MIT
# Each allocation of each operation fails; see memory.py.
if [ -n "$(find "${PLAIN_BUILD:-build}/src" -name '*.gcno' 2>/dev/null | head -n 1)" ]; then
    echo "1..0 # skip gcov allocates as the program ends, and does not bear that it fails"
    exit 0
fi
exec python3 -S "$(dirname "$0")/memory.py"
