#!/bin/sh
# SPDX-License-Identifier: MIT
# The driver of model servers; see call.py.
exec python3 "$(dirname "$0")/call.py"
