#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""json_value.py EXPRESSION: the expression over `d`, the JSON on standard input; a text as it is, all else as JSON."""
import json
import sys

d = json.load(sys.stdin)
value = eval(sys.argv[1])
print(value if isinstance(value, str) else json.dumps(value))
