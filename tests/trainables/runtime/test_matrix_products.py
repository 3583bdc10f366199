from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from gan_study.trainables.runtime import matrix_products
from gan_study.trainables.runtime.environment import library, use
from gan_study.trainables.runtime.matrix_products import Comparison, agree_on_library, choose_library, compare


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


@pytest.mark.parametrize(
    ("error", "gain", "winner"),
    [(3e-7, 1.6, "onednn"), (3e-7, 1.1, "default"), (3e-4, 1.6, "default"), (float("nan"), 1.6, "default")],
)
def test_onednn_has_to_be_exact_and_clearly_quicker(error: float, gain: float, winner: str) -> None:
    assert Comparison(error=error, gain=gain).winner == winner


def test_what_is_in_use_can_be_read_back() -> None:
    use("onednn")
    assert library() == "onednn"
    use("default")
    assert library() == "default"


@pytest.mark.parametrize("name", ["default", "onednn"])
def test_comparing_leaves_things_as_they_are_and_finds_single_precision(name: matrix_products.Library) -> None:
    use(name)
    comparison = compare()
    assert library() == name
    assert 1e-9 < comparison.error < 1e-2
    assert comparison.gain > 0


def test_the_winner_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, wanted in ((1e-7, "onednn"), (1e-3, "default")):
        monkeypatch.setattr(matrix_products, "compare", lambda error=error: Comparison(error=error, gain=2.0))
        choose_library()
        assert library() == wanted


def test_processes_that_find_different_ones_use_the_first_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for gain in (2.0, 1.0, 2.0):
        monkeypatch.setattr(matrix_products, "compare", lambda gain=gain: Comparison(error=1e-7, gain=gain))
        choose_library(partial(agree_on_library, tmp_path))
        assert library() == "onednn"


def test_what_was_agreed_is_not_used_where_it_is_inexact(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert agree_on_library(tmp_path, "onednn") == "onednn"
    monkeypatch.setattr(matrix_products, "compare", lambda: Comparison(error=1e-3, gain=2.0))
    choose_library(partial(agree_on_library, tmp_path))
    assert library() == "default"
