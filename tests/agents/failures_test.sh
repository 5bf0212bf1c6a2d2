#!/bin/sh
# SPDX-License-Identifier: MIT
# What stands around a call, against model servers that fail; see failures.py.
exec python3 "$(dirname "$0")/failures.py"
