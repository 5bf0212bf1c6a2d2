#!/bin/sh
# SPDX-License-Identifier: MIT
# Steps that behave as no step should; see hostile.py. HOSTILE_ONLY='NAME...' takes some.
exec python3 -S "$(dirname "$0")/hostile.py"
