#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 at calls of `fermata loop` that change files; see loop.py.
exec python3 -S "$(dirname "$0")/loop.py"
