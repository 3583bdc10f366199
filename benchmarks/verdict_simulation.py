"""How often verdicts are wrong, and how often there is one: simulated studies with known gains.

`python -m benchmarks.verdict_simulation` writes the tables of docs/statistics.md. A study is drawn image by image:
whether a classifier sees a rare test image depends on the image, on what the method makes of the image, on the
seed, on what the method makes of the seed, on the fit, and on chance. So the gain in recall is known exactly, test
images are drawn anew in each study, and everything that the product computes from predictions it computes here.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.page import put_lines
from gan_study.analysis.inference.decisions import Decision, decide, is_open
from gan_study.analysis.inference.images import image_error
from gan_study.analysis.inference.looks import Look, look_at, spending_shares

MARGIN = 0.02
STUDIES = 10_000


@dataclass(frozen=True, kw_only=True)
class Spreads:
    """Standard deviations on the probit scale, where chance within an image has 1.

    Chosen so that minority recall about 0.75 of 90 images has the spreads that were measured on the quickstart:
    over refits 0.03, over splits beyond that 0.02, of a gain over test images 0.017.
    """

    image: float = 2.5
    method_on_image: float = 0.6
    split: float = 0.15
    method_on_split: float = 0.12
    fit: float = 0.2

    @property
    def total(self) -> float:
        """Of all together, chance included."""
        parts = (self.image, self.method_on_image, self.split, self.method_on_split, self.fit, 1.0)
        return float(np.linalg.norm(parts))


@dataclass(frozen=True, kw_only=True)
class Design:
    """A study: the true gains of its methods in minority recall, and how it goes about finding them."""

    gains: tuple[float, ...]
    seeds: tuple[int, ...] = (4, 6, 8)
    """Numbers of seeds after which it looks."""
    fits: int = 3
    images: int = 90
    """Rare test images."""
    recall: float = 0.75
    """Without balancing."""
    spreads: Spreads = Spreads()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The decisions on a study's methods, and the seeds that each of them took."""

    decisions: tuple[Decision, ...]
    seeds: tuple[int, ...]


def simulate(design: Design, rng: np.random.Generator) -> Outcome:
    """One study from its first round to the end: methods stop when they are decided or given up."""
    seen = _draw(design, rng)
    gains = seen[1:].mean(axis=(2, 3)) - seen[0].mean(axis=(1, 2))
    shares = spending_shares(design.seeds)
    looks: list[list[Look]] = [[] for _ in design.gains]
    active = set(range(len(looks)))
    decisions: tuple[Decision, ...] = ()
    for number, share in zip(design.seeds, shares, strict=True):
        for place in sorted(active):
            looks[place].append(_look(seen[0, :number], seen[place + 1, :number], gains[place, :number], share))
        decisions = decide(looks, size=len(looks), margin=MARGIN)
        active = {place for place in active if is_open(decisions[place], most=design.seeds[-1], margin=MARGIN)}
        if not active:
            break
    return Outcome(decisions=decisions, seeds=tuple(each[-1].num_seeds for each in looks))


def _draw(design: Design, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Whether an image is seen, [methods with none first, seeds, fits, images]."""
    spreads, methods = design.spreads, len(design.gains) + 1
    shape = (methods, design.seeds[-1], design.fits, design.images)
    recalls = design.recall + np.array((0.0, *design.gains))
    latent = rng.standard_normal(shape, dtype=np.float32)
    latent += spreads.total * stats.norm.ppf(recalls)[:, None, None, None]
    for spread, axes in (
        (spreads.image, (0, 0, 0, 1)),
        (spreads.method_on_image, (1, 0, 0, 1)),
        (spreads.split, (0, 1, 0, 0)),
        (spreads.method_on_split, (1, 1, 0, 0)),
        (spreads.fit, (1, 1, 1, 0)),
    ):
        shared = tuple(length if varies else 1 for length, varies in zip(shape, axes, strict=True))
        latent += spread * rng.standard_normal(shared, dtype=np.float32)
    found: npt.NDArray[np.bool_] = latent > 0
    return found


def _look(
    without: npt.NDArray[np.bool_],
    method: npt.NDArray[np.bool_],
    gains: npt.NDArray[np.float64],
    share: float,
) -> Look:
    labels = np.ones(method.shape[-1], dtype=np.int64)
    error = image_error(
        labels, method.astype(np.int64), without.astype(np.int64), classes=[1], score="minority_recall"
    )
    return look_at(gains, image_error=error, share=share)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What became of many studies of one design."""

    false_differences: float
    """Share of studies that say helps or hurts of some method without a gain, or the wrong way round."""
    false_equivalences: float
    """Share of studies that say of some method whose gain is the margin or more that it makes no difference."""
    decided: float
    """Share of methods with a verdict."""
    seeds: float
    """Mean number of seeds of a method."""


def rates(design: Design, *, studies: int, seed: int) -> Rates:
    """What becomes of `studies` studies."""
    rng = np.random.default_rng(seed)
    outcomes = [simulate(design, rng) for _ in range(studies)]
    return Rates(
        false_differences=_share(outcomes, design.gains, is_false_difference),
        false_equivalences=_share(outcomes, design.gains, is_false_equivalence),
        decided=float(np.mean([each.verdict != "undecided" for one in outcomes for each in one.decisions])),
        seeds=float(np.mean([one.seeds for one in outcomes])),
    )


def _share(outcomes: Sequence[Outcome], gains: Sequence[float], is_false: Callable[[str, float], bool]) -> float:
    return float(
        np.mean([any(map(is_false, (each.verdict for each in one.decisions), gains)) for one in outcomes])
    )


def is_false_difference(verdict: str, gain: float) -> bool:
    """Whether a verdict says that there is a gain where there is none, or the wrong way round."""
    return (verdict == "helps" and gain <= 0) or (verdict == "hurts" and gain >= 0)


def is_false_equivalence(verdict: str, gain: float) -> bool:
    """Whether a verdict says that there is no worthwhile difference where there is one."""
    return verdict == "no worthwhile difference" and abs(gain) >= MARGIN


# The quickstart's own: eight methods, the gains that were measured.
MEASURED = (0.03, 0.057, 0.065, 0.075, 0.075, 0.08, 0.09, 0.095)
ERROR_DESIGNS: dict[str, Design] = {
    "eight methods without a gain": Design(gains=(0.0,) * 8),
    "eight without a gain, seeds fixed at 8": Design(gains=(0.0,) * 8, seeds=(8,)),
    "eight without a gain, one fit": Design(gains=(0.0,) * 8, fits=1),
    "eight without a gain, 20 rare test images": Design(gains=(0.0,) * 8, images=20),
    "eight without a gain, 1,000 rare test images": Design(
        gains=(0.0,) * 8, images=1_000, seeds=(4, 6, 8, 10, 12)
    ),
    "eight whose gain is the margin": Design(gains=(MARGIN,) * 8, images=1_000, seeds=(4, 6, 8, 10, 12)),
    "half without a gain, half with the margin": Design(
        gains=(0.0, MARGIN) * 4, images=4_000, seeds=(4, 6, 8, 10, 12, 15, 18)
    ),
    "the gains of the quickstart": Design(gains=MEASURED),
}
POWER_GAINS, POWER_SEEDS = (0.0, 0.03, 0.05, 0.10), (4, 6, 8, 12)
POWER_FITS, POWER_IMAGES = (1, 3, 5), (90, 400, 4_000)


def error_table(studies: int) -> Iterator[str]:
    """How often something is said that is false, a row a design."""
    yield "| studies | false helps or hurts | false no worthwhile difference | methods decided | seeds a method |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for number, (name, design) in enumerate(ERROR_DESIGNS.items()):
        found = rates(design, studies=studies, seed=number)
        shares = (found.false_differences, found.false_equivalences, found.decided)
        yield f"| {name} | {' | '.join(f'{share:.3f}' for share in shares)} | {found.seeds:.1f} |"


def power_table(studies: int) -> Iterator[str]:
    """How often a gain is decided, a row for each number of test images, fits and seeds: eight methods alike."""
    yield f"| rare test images | fits | seeds | {' | '.join(f'gain {gain:g}' for gain in POWER_GAINS)} |"
    yield f"| ---: | ---: | ---: |{' ---: |' * len(POWER_GAINS)}"
    for images, fits, seeds in product(POWER_IMAGES, POWER_FITS, POWER_SEEDS):
        found = [
            rates(
                Design(gains=(gain,) * 8, seeds=(seeds,), fits=fits, images=images), studies=studies, seed=number
            ).decided
            for number, gain in enumerate(POWER_GAINS)
        ]
        yield f"| {images:,} | {fits} | {seeds} | {' | '.join(f'{share:.2f}' for share in found)} |"


def main() -> None:
    """Simulate, and put both tables into docs/statistics.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=STUDIES, help="studies of each design of the first table")
    studies: int = parser.parse_args().studies
    in_cell = max(50, studies // 20)
    said = f"{studies:,} studies of each design in the first table, {in_cell} in each cell of the second."
    tables = [said, "", *error_table(studies), "", *power_table(in_cell)]
    put_lines("statistics.md", "simulated", tables)


if __name__ == "__main__":
    main()
