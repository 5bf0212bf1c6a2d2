#!/bin/sh
# SPDX-License-Identifier: MIT
# The stand-in for model servers against itself: what tests rely on it for.
exec python3 "$(dirname "$0")/../support/mock_models.py" --selftest
