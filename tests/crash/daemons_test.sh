#!/bin/sh
# SPDX-License-Identifier: MIT
# Steps that daemonise and orchestrators that are killed; see daemons.py.
exec python3 -S "$(dirname "$0")/daemons.py"
