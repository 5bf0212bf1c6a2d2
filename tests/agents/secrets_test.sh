#!/bin/sh
# SPDX-License-Identifier: MIT
# A canary for every key, and a search for them; see secrets.py.
exec python3 "$(dirname "$0")/secrets.py"
