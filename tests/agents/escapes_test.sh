#!/bin/sh
# SPDX-License-Identifier: MIT
# What an agent says never moves a terminal; see escapes.py.
exec python3 "$(dirname "$0")/escapes.py"
