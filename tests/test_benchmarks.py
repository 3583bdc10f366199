"""What the benchmarks reckon with."""

import torch
from torch.nn import functional

from benchmarks import machine
from benchmarks.table import BEGIN, END, written


def test_operations_are_two_for_each_weight_and_value_that_it_meets() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert machine.operations_of(lambda: left @ right) == 2 * 3 * 5 * 7
    maps, kernel = torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3)
    # Padded, a convolution has as many values as there were pixels.
    assert machine.operations_of(lambda: functional.conv2d(maps, kernel, padding=1)) == 2 * 2 * 4 * 8 * 8 * 3 * 9


def test_nothing_is_quicker_than_the_best_rate(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Of 1,024 products in a second, the quickest of all works is the one of most operations."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(machine, "perf_counter", lambda: next(seconds))
    assert machine.best_rate() == max(2 * 1024**3, 2 * 64 * 128 * 14 * 14 * 128 * 9)


def test_what_was_measured_stands_between_the_marks_of_the_page() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert written(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter"
