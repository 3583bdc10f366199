"""What the first person with a GPU runs: `make gpu`, or `python -m benchmarks.first_gpu`; under ten minutes.

First whether the numbers are right there, which nobody has seen yet: for every GAN of the catalog, steps replayed
from CUDA graphs and GANs trained as one computation against steps one by one, in 64 bits; one seed twice, bit by
bit; exact products. Then how fast it is: `benchmarks.gpu`, tiny and whole. Last, in words, what may become the
default there. Needs torch, torchvision, numpy and pydantic, and no more. Writes
`benchmarks/results/first_gpu.json`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic

import torch
from torch import Tensor

from benchmarks.architectures import ARCHITECTURES
from benchmarks.gpu import TINY, Job, Measured, Size, device_name, measure, table
from gan_study.trainables.base.precision import gpu_products_in
from gan_study.trainables.gans.batched.cuda_graphs import CUDA_GRAPHS, Recorder, train_recorded_gan
from gan_study.trainables.gans.batched.stacked import train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.training import TrainedGenerator
from gan_study.trainables.gans.variant import GanVariant, TrainingData, parse_gan_settings

RESULTS = Path(__file__).parent / "results" / "first_gpu.json"

# No variant is begun to be timed after so long; one takes a minute or two.
BUDGET_SECONDS = 8 * 60
# Two discriminator steps to a generator step: both kinds of step warm up, are recorded, and replayed a few times.
STEPS = 10
SMALL = {"batch_size": 4, "latent_size": 6, "discriminator_steps": 2, "ema_decay": 0.9, "diff_augment": True}
# In 64 bits, where Adam makes no steps of rounding: see tests/trainables/gans/batched/test_cuda_graphs.py.
MOST_DIFFERENCE = 1e-8
# Relative, of a product of 1,024 numbers: 32 bits stay far below, TF32's ten bits of mantissa cannot.
EXACT_PRODUCT = 1e-5
# A way has to be so much faster before it is worth becoming the default: below it, a machine's moods decide.
WORTH = 1.2


@dataclass(frozen=True, kw_only=True)
class Check:
    """Whether something holds on this device."""

    about: str
    """`graphs`, `stacks`, `twice` or `precision`: what a failure speaks against."""
    name: str
    failure: str | None
    """In one line; None where it holds."""


def checks(device: str, recorder: Recorder | None, variants: Mapping[str, GanVariant]) -> Iterator[Check]:
    """All of them, as they are done."""
    works: list[tuple[str, str, Callable[[], str | None]]] = []
    for name, variant in variants.items():
        works += [
            ("graphs", name, partial(_differs_from_eager, variant, device, recorder)),
            ("stacks", name, partial(_differs_alone, variant, device, None)),
            ("stacks", f"{name}, from graphs", partial(_differs_alone, variant, device, recorder)),
            ("twice", name, partial(_differs_again, variant, device, None)),
            ("twice", f"{name}, from graphs", partial(_differs_again, variant, device, recorder)),
        ]
    works.append(("precision", "a product of two matrices", partial(_inexact, device)))
    for about, name, work in works:
        try:
            failure = work()
        except Exception as error:
            failure = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        yield Check(about=about, name=name, failure=failure)


def _data(device: str, dtype: torch.dtype) -> TrainingData:
    images = torch.rand(18, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return TrainingData(
        images=images.to(device=device, dtype=dtype), labels=(torch.arange(18) % 3).to(device), num_classes=3
    )


def _weights(state: TrainedGenerator | DivergedError) -> Tensor:
    if isinstance(state, DivergedError):
        raise state
    return torch.cat([weight.detach().flatten().clone() for weight in state.generator.parameters()])


def _alone(
    variant: GanVariant, device: str, recorder: Recorder | None, *, seed: int, dtype: torch.dtype = torch.float64
) -> Tensor:
    """The weights of a GAN trained by itself."""
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    settings = parse_gan_settings(variant, {**SMALL, **warm_start}, where="gan")
    data = _data(device, dtype)
    (last,) = train_recorded_gan(variant, settings, data, seed=seed, at=[STEPS], recorder=recorder)
    return _weights(last)


def _differs(found: Tensor, wanted: Tensor) -> str | None:
    difference = (found - wanted).abs().max().item()
    return None if difference <= MOST_DIFFERENCE else f"weights differ by {difference:.1e}"


def _differs_from_eager(variant: GanVariant, device: str, recorder: Recorder | None) -> str | None:
    one_by_one = _alone(variant, device, None, seed=1)
    return _differs(_alone(variant, device, recorder, seed=1), one_by_one)


def _differs_alone(variant: GanVariant, device: str, recorder: Recorder | None) -> str | None:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    settings = parse_gan_settings(variant, {**SMALL, **warm_start}, where="gan")
    data = _data(device, torch.float64)
    (states,) = train_gans(variant, settings, [data, data], seeds=(1, 2), at=[STEPS], recorder=recorder)
    found = [
        _differs(_weights(state), _alone(variant, device, None, seed=seed))
        for seed, state in zip((1, 2), states, strict=True)
    ]
    return next((failure for failure in found if failure), None)


def _differs_again(variant: GanVariant, device: str, recorder: Recorder | None) -> str | None:
    first, second = (_alone(variant, device, recorder, seed=1, dtype=torch.float32) for _ in range(2))
    number = int((first != second).sum())
    return None if number == 0 else f"{number:,} of {len(first):,} weights have other bits the second time"


def _inexact(device: str) -> str | None:
    left, right = (torch.randn(1024, 1024, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    exact = left.double() @ right.double()
    with gpu_products_in("float32"):
        found = (left.to(device) @ right.to(device)).cpu().double()
    error = ((found - exact).abs().max() / exact.abs().max()).item()
    return None if error <= EXACT_PRODUCT else f"off by {error:.1e} of the largest number"


def verdict(done: Sequence[Check], measured: Sequence[Measured]) -> list[str]:
    """What may become the default on this device, a sentence each, and what speaks against it."""
    sentences = []
    for about, what, ways, setting in (
        ("graphs", "CUDA graphs", ("graph",), "`cuda_graphs`"),
        ("stacks", "GANs as one computation", ("stacked 16", "stacked 64"), '`BEST_KNOWN["cuda"]`, to "batched",'),
    ):
        failures = [check for check in done if check.about == about and check.failure]
        gains = gains_over_eager(measured, ways)
        if failures:
            first = failures[0]
            more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
            sentences.append(f"{what} must not be used here: {first.name}: {first.failure}{more}.")
        elif not gains:
            sentences.append(f"{what} give the right numbers here; how fast they are was not measured.")
        else:
            least, name = min((gain, name) for name, gain in gains.items())
            speed = f"{least:.1f} times as fast as steps one by one where they gain least ({name})"
            may = f"may become the default: {setting} in trainables/gans/batched/__init__.py"
            sentences.append(
                f"{what} {may if least >= WORTH else 'are right, and not worth being the default'}; {speed}."
            )
    twice = [check for check in done if check.about == "twice" and check.failure]
    sentences.append(
        f"One seed does not give the same bits twice: {twice[0].name}: {twice[0].failure}."
        if twice
        else "One seed gives the same bits twice."
    )
    sentences += [f"Precision: {check.failure}." for check in done if check.about == "precision" and check.failure]
    return sentences


def gains_over_eager(measured: Sequence[Measured], ways: Sequence[str]) -> dict[str, float]:
    """By variant, the images a second of the best of `ways` over those of steps one by one; medians of rounds."""
    rates = {(each.variant, each.way): median(each.images_per_second) for each in measured}
    return {
        variant: max(rates[variant, way] for way in ways if (variant, way) in rates) / rate
        for (variant, way), rate in rates.items()
        if way == "eager" and any((variant, other) in rates for other in ways)
    }


def timed(device: str, sizes: Sequence[Size], *, deadline: float) -> Iterator[Measured]:
    """The benchmark of each variant at each size in turn, the last size's kept; none begins after `deadline`."""
    for name in ARCHITECTURES:
        jobs = [Job(variant=name, size=size, precision="float32", device=device) for size in sizes]
        if monotonic() > deadline:
            print(f"{name}: no time is left", file=sys.stderr)
            continue
        *_, last = (list(measure(job)) for job in jobs)
        yield from last


def main(arguments: Sequence[str]) -> None:
    """Checks, times, says and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.first_gpu", description="Is a GPU right, and fast?"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        parser.error(f"torch {torch.__version__} sees no GPU here; all of this is about one")
    began, device = monotonic(), "cuda"
    done = []
    for check in checks(device, CUDA_GRAPHS, {**VARIANTS}):
        done.append(check)
        print(f"{check.about:>10}  {check.failure or 'right':<60}  {check.name}", flush=True)
    measured = list(timed(device, [TINY, replace(Size(), rounds=2)], deadline=began + BUDGET_SECONDS))
    print(f"\n{table(measured)}\n\n" + "\n".join(verdict(done, measured)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "device": device_name(device),
        "torch": torch.__version__,
        "checks": [asdict(check) for check in done],
        "measured": [asdict(each) for each in measured],
        "verdict": verdict(done, measured),
    }
    given.out.write_text(json.dumps(contents, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
