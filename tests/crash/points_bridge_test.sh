#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of a run whose host works for it, at calls that change files; see points.py.
exec python3 -S "$(dirname "$0")/points.py" bridge
