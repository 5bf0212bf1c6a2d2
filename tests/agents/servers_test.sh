#!/bin/sh
# SPDX-License-Identifier: MIT
# Model servers as agents of steps, and `fermata models`; see servers.py.
exec python3 "$(dirname "$0")/servers.py"
