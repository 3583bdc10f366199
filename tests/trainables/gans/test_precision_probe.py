"""The decision between bf16 and float32 for a GAN that is trained in both."""

import time
from collections.abc import Callable
from itertools import count

import pytest
import torch

from gan_study.trainables.base import precision_probe
from gan_study.trainables.base.precision_probe import Comparison
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.precision_probe import compare_precisions
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import TrainingData, parse_gan_settings

DATA = TrainingData(
    images=torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.arange(10) % 2,
    num_classes=2,
)
VARIANT = VARIANTS["dcgan"]
SETTINGS = parse_gan_settings(VARIANT, {"batch_size": 4, "latent_size": 6}, where="gan")
NAN = float("nan")


def compare() -> Comparison:
    return compare_precisions(VARIANT, SETTINGS, DATA, seconds=0.0)


def change_steps_in_bf16(monkeypatch: pytest.MonkeyPatch, change: Callable[[GanTrainer], None]) -> None:
    """Call `change` after each step in bf16, and say that a step in bf16 takes half of one in float32."""
    take_step = GanTrainer.take_steps

    def changed(trainer: GanTrainer, batches: object) -> object:
        losses = take_step(trainer, batches)  # type: ignore[arg-type]
        if trainer.settings.precision == "bf16":
            change(trainer)
        return losses

    monkeypatch.setattr(GanTrainer, "take_steps", changed)


def with_clock(monkeypatch: pytest.MonkeyPatch, *, exact: float, rounded: float) -> None:
    """A processor clock by which steps take these seconds, in turn."""
    durations = (seconds for _ in count() for seconds in (0.0, exact, 0.0, rounded))
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += next(durations)
        return now

    monkeypatch.setattr(precision_probe, "process_time", clock)


def test_a_gan_that_is_faster_and_near_is_trained_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    with_clock(monkeypatch, exact=3.0, rounded=2.0)
    found = compare()
    assert found.speedup == pytest.approx(1.5)
    # Neither is exact, or both trainings were one.
    assert 0 < found.step_error < precision_probe.MOST_ERROR
    assert 0 < found.run_error < precision_probe.MOST_ERROR
    assert found.precision == "bf16"


def test_a_gan_that_is_slow_in_bf16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def burn(trainer: GanTrainer) -> None:
        began = time.process_time()
        while time.process_time() - began < 0.02:
            pass

    change_steps_in_bf16(monkeypatch, burn)
    found = compare()
    assert found.speedup < 1
    assert found.objection == "bf16 is less than 1.15 times as fast"


def test_a_gan_that_is_wrong_in_bf16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_clock(monkeypatch, exact=3.0, rounded=2.0)
    convolve = torch.nn.functional.conv2d

    def wrong(images: torch.Tensor, *rest: object, **named: object) -> torch.Tensor:
        # One of the taps is lost.
        shifted = images.roll(1, -1) if torch.is_autocast_enabled("cpu") else images
        return convolve(shifted, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(
        torch.nn.Conv2d,
        "_conv_forward",
        lambda layer, images, weight, bias: wrong(
            images, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups
        ),
    )
    assert compare().objection == "bf16 is off by more than 0.25 after a step"


def test_a_gan_that_is_not_finite_in_bf16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_clock(monkeypatch, exact=3.0, rounded=2.0)

    def spoil(trainer: GanTrainer) -> None:
        next(trainer.networks.generator.parameters()).data.fill_(NAN)

    change_steps_in_bf16(monkeypatch, spoil)
    assert compare().objection == "bf16 is off by more than 0.25 after a step"


def test_a_gan_that_cannot_be_computed_in_bf16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(trainer: GanTrainer) -> None:
        raise RuntimeError("no kernel\nfor BFloat16")

    change_steps_in_bf16(monkeypatch, fail)
    assert compare().objection == "bf16 fails (no kernel for BFloat16)"
