"""The decision between bf16 and float32, from made-up measurements."""

from dataclasses import replace

import pytest

from gan_study.trainables.base.precision_probe import Comparison

GOOD = Comparison(speedup=1.3, step_error=0.02, run_error=0.1)
NAN = float("nan")


def test_bf16_is_taken_only_where_it_is_faster_and_near() -> None:
    assert (GOOD.precision, GOOD.objection) == ("bf16", None)
    assert str(GOOD) == "bf16; 1.30 times as fast in bf16, relative error 0.02 after a step and 0.1 after 8"


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"speedup": 1.149}, "bf16 is less than 1.15 times as fast"),
        ({"speedup": NAN}, "bf16 is less than 1.15 times as fast"),
        ({"step_error": 0.251}, "bf16 is off by more than 0.25 after a step"),
        ({"step_error": NAN}, "bf16 is off by more than 0.25 after a step"),
        ({"run_error": 0.251}, "bf16 is off by more than 0.25 after 8 steps"),
        ({"run_error": float("inf")}, "bf16 is off by more than 0.25 after 8 steps"),
        ({"failure": "no such kernel"}, "bf16 fails (no such kernel)"),
    ],
)
def test_each_shortcoming_alone_keeps_float32(change: dict[str, float], objection: str) -> None:
    found = replace(GOOD, **change)
    assert (found.precision, found.objection) == ("float32", objection)
    assert str(found).startswith(f"float32, since {objection}")


def test_the_limits_themselves_are_allowed() -> None:
    assert Comparison(speedup=1.15, step_error=0.25, run_error=0.25).precision == "bf16"
