"""The table of docs/benchmarks.md, from what pytest-benchmark wrote: `python -m benchmarks.table FILE`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def table(results: Mapping[str, Any]) -> str:
    """Images a second of ours and of the reference, medians over rounds, and their ratio."""
    machine = results["machine_info"]
    cpu, python = machine["cpu"]["brand_raw"], machine["python_version"]
    rounds = {benchmark["stats"]["rounds"] for benchmark in results["benchmarks"]}
    lines = [
        f"{cpu}, one thread; Python {python}, torch {torch.__version__}; medians of {min(rounds)} alternating "
        "rounds, in brackets the slowest and the fastest.",
        "",
        "| training | ours, images/s | reference, images/s | ratio |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *(_row(benchmark) for benchmark in results["benchmarks"])])


def _row(benchmark: Mapping[str, Any]) -> str:
    info = benchmark["extra_info"]
    ours = _rates(benchmark["stats"]["data"], info["images"])
    theirs = _rates(info["reference_seconds"], info["images"])
    return f"| {benchmark['param']} | {ours} | {theirs} | {info['ratio']:.2f} |"


def _rates(seconds: list[float], num_images: int) -> str:
    rates = [num_images / each for each in seconds]
    return f"{median(rates):,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]"


def written(page: str, measured: str) -> str:
    """`page` with what was measured between its two marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table(found)), encoding="utf-8")
