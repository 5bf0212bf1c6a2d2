#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/table.py [--into PAGE.md] RESULT.json: a result as a Markdown table, alone or in its page."""
import json
import statistics
import sys

sys.dont_write_bytecode = True


def summary(samples):
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples),
            "samples": [round(sample, 9) for sample in samples]}


def is_within(row, result):
    """None: nothing to hold."""
    if not row.limit:
        return None
    kind, bound = row.limit[:2]
    if kind in ("most", "either") and result["value"]["median"] <= bound:
        return True
    if kind == "most":
        return False
    ratio = result["ratio"]["median"]
    if kind == "either":
        return ratio <= row.limit[2]
    return 1 / ratio >= bound if kind == "share" else ratio <= bound


def number(value, unit):
    """Three digits that matter, times in the unit that suits them."""
    if unit == "s" and value < 1:
        value, unit = value * 1e3, "ms"
    digits = 0 if value >= 100 or float(value).is_integer() else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}", unit


def spread(data, unit):
    text, shown = number(data["median"], unit)
    if data["min"] == data["max"]:
        return f"{text} {shown}".strip()
    scale = 1e3 if shown != unit else 1
    low, high = (number(data[end] * scale, shown + " ")[0] for end in ("min", "max"))
    return f"{text} ({low} to {high}) {shown}".strip()


def rate(result, data):
    return f"{result['steps'] / data['median']:,.0f}/s"


def measured(result):
    if "reason" in result:
        return f"not measured: {result['reason']}"
    text = spread(result["value"], result["unit"])
    return f"{text} = {rate(result, result['value'])}" if result["steps"] else text


def floor(result):
    if "floor" not in result:
        return ""
    text, unit = number(result["floor"]["median"], result["unit"])
    return f"{text} {unit} = {rate(result, result['floor'])}" if result["steps"] else f"{text} {unit}"


def ratio_text(ratio, kind):
    """A pace as a share of the floor's, anything else as a multiple of its time."""
    if kind == "share":
        return f"{100 / ratio['median']:.0f} % ({100 / ratio['max']:.0f} to {100 / ratio['min']:.0f})"
    return f"{ratio['median']:.2f} x ({ratio['min']:.2f} to {ratio['max']:.2f})"


def ratio(result):
    return ratio_text(result["ratio"], result["kind"]) if "ratio" in result else ""


def verdict(result):
    return {True: "yes", False: "NO", None: ""}[result.get("within")]


def change(result, before):
    """Against the last result: of the ratio where there is a floor, which the machine's speed is not in."""
    old = (before or {}).get("rows", {}).get(result["key"])
    if not old or "value" not in old or "value" not in result:
        return ""
    key = "ratio" if "ratio" in old and "ratio" in result else "value"
    was, now = old[key]["median"], result[key]["median"]
    if was == 0:
        return "same" if now == 0 else "was 0"
    return f"{100 * (now - was) / was:+.0f} %"


def cells(result, before=None):
    row = [result["what"], measured(result), floor(result), ratio(result), result["ceiling"], verdict(result)]
    return row + [change(result, before)] if before else row


HEADER = ("what", "measured: median (min to max)", "floor", "ratio", "ceiling", "within", "time since")


def print_table(document, before):
    header = HEADER if before else HEADER[:-1]
    rows = [cells(result, before) for result in document["rows"].values()]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, tuple("-" * width for width in widths), *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def markdown(document):
    machine = document["machine"]
    lines = [f"Measured {document['date']}, version {document['version']} ({document['commit']}): "
             f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
             f"{machine['file_system']}, Linux {machine['kernel']}, {machine['compiler']}; load before it "
             f"{machine['load_before']:.1f}; up to {document['rounds']} rounds.", "",
             "| what | measured: median (min to max) | floor | ratio | ceiling | within |",
             "|---|---|---|---|---|---|"]
    for result in document["rows"].values():
        row = cells(result)
        row[0] = ("… " if row[0].startswith("  ") else "") + row[0].strip()
        lines.append("| " + " | ".join(cell.replace(">=", "≥").replace("<=", "≤") for cell in row) + " |")
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- begin: bench/results/latest.json -->\n", "<!-- end -->\n"


def put_into(text, document):
    """The text of a page with the table between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + markdown(document) + END + after


def main():
    arguments = sys.argv[1:]
    page = arguments[1] if len(arguments) == 3 and arguments[0] == "--into" else None
    if not page and len(arguments) != 1:
        print("usage: bench/table.py [--into PAGE.md] RESULT.json", file=sys.stderr)
        return 2
    with open(arguments[-1], encoding="utf-8") as file:
        document = json.load(file)
    if not page:
        print(markdown(document), end="")
        return 0
    with open(page, encoding="utf-8") as file:
        text = put_into(file.read(), document)
    with open(page, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
