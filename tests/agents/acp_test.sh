#!/bin/sh
# SPDX-License-Identifier: MIT
# The driver of agents that speak ACP; see acp.py.
exec python3 "$(dirname "$0")/acp.py"
