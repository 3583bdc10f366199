"""The tables of docs/benchmarks.md, from what pytest-benchmark wrote: `python -m benchmarks.table FILE`."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import torch

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

Measured: TypeAlias = Mapping[str, Any]


def tables(results: Mapping[str, Any]) -> str:
    """What was measured, and on what machine; medians over rounds, in brackets the slowest and the fastest."""
    return "\n\n".join(
        (
            _machine(results),
            _table(
                (
                    "training",
                    "ours, images/s",
                    "reference, images/s",
                    "ratio",
                    "share of peak",
                    "in the reference's operations",
                    "ratio at peak",
                ),
                [_training(each) for each in _of(results, "test_gan", "test_classifier")],
            ),
            _table(
                ("images an epoch", "images/s", "memory of the process, MiB"),
                [
                    (f"{info['images']:,}", _rates(each, info), f"{info['peak_mebibytes']:,.0f}")
                    for each in _of(results, "test_images")
                    for info in (each["extra_info"],)
                ],
            ),
            _table(
                ("processes", "images/s, all together", "times one"),
                _processes(list(_of(results, "test_processes"))),
            ),
        )
    )


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine_info"]
    cpu, cores, python = machine["cpu"]["brand_raw"], machine["cpu"]["count"], machine["python_version"]
    peak = next(_of(results, "test_gan"))["extra_info"]["peak"]
    return (
        f"{cpu}, {cores} cores; Python {python}, torch {torch.__version__}; the best rate found on one thread "
        f"is {peak / 1e9:.0f} GFLOP/s. Medians over rounds, in brackets the slowest and the fastest."
    )


def _of(results: Mapping[str, Any], *tests: str) -> Iterator[Measured]:
    return iter([each for each in results["benchmarks"] if each["name"].partition("[")[0] in tests])


def _training(measured: Measured) -> tuple[str, ...]:
    info = measured["extra_info"]
    share = info["share_of_peak"]
    return (
        str(measured["param"]),
        _rates(measured, info),
        _rates_of(info["reference_seconds"], info["images"]),
        f"{info['ratio']:.2f}",
        f"{share:.0%}",
        f"{info['share_in_reference_operations']:.0%}",
        f"{info['ratio'] / share:.2f}",
    )


def _processes(all_measured: Sequence[Measured]) -> list[tuple[str, ...]]:
    rates = [each["extra_info"]["images"] / each["stats"]["median"] for each in all_measured]
    return [
        (str(each["param"]), _rates(each, each["extra_info"]), f"{rate / rates[0]:.2f}")
        for each, rate in zip(all_measured, rates, strict=True)
    ]


def _rates(measured: Measured, info: Mapping[str, Any]) -> str:
    return _rates_of(measured["stats"]["data"], info["images"])


def _rates_of(seconds: Sequence[float], num_images: int) -> str:
    rates = [num_images / each for each in seconds]
    return f"{median(rates):,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def written(page: str, measured: str) -> str:
    """`page` with what was measured between its two marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")
