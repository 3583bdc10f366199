"""How often the verdict "memorised" is wrong on honest generators, and how often it finds planted memorisation.

`python -m benchmarks.memorisation` writes the tables of docs/memorisation.md. A generator here is a way to draw
images: honest ones give images that no training image was needed for, or that keep no single one; planted ones
give training images back. The verdict is the one that stops an export of one class. With `--trained ROOT`, where
MNIST lies in ROOT/mnist, GANs are trained instead, and judged beside images that they have not met: whatever they
do, they cannot have memorised those.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

from benchmarks.page import put_lines
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.byte_images import take
from gan_study.trainables.data.images import Classes, training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.digits import Digits
from gan_study.trainables.image_quality.class_quality import has_collapsed
from gan_study.trainables.image_quality.copying import find_repeats, repeat_distance
from gan_study.trainables.image_quality.extractor import domain_classifier
from gan_study.trainables.image_quality.memorisation import find_memorised, measure_memorisation
from gan_study.trainables.runtime.cache import FolderStore

Points: TypeAlias = npt.NDArray[np.float64]
Draw: TypeAlias = Callable[["Images", np.random.Generator], Points]

HONEST_REPEATS = 200
# Training, held-out and generated images of a class; a digit has about 180 images in all.
SIZES = ((8, 2, 12), (20, 5, 40), (60, 15, 100), (60, 40, 60))
SHARES = (0.1, 0.25, 0.5, 1.0)
# Training images of other classes.
NUM_OTHERS = 120
# GANs that are trained: 60 images of a digit each, at 16 pixels.
TRAINED = {"vanilla_gan": 3000, "dcgan": 1500, "lsgan": 3000}
# Beside about 180 images of each other digit, so that some 120 are made.
NUM_MET, NUM_BESIDE, JUDGEMENTS = 60, 1620, 20


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images of one class as rows of numbers: the training set, and as many fresh ones as are generated; and the
    training set of the other classes.
    """

    training: Points
    fresh: Points
    others: Points

    @property
    def spread(self) -> float:
        """The standard deviation of one number over the training images, about."""
        return float(self.training.std(axis=0).mean())


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Images of one class, as many as are asked for, and of others; and the features that they are compared by."""

    draw: Callable[[int, np.random.Generator], tuple[Points, Points]]
    features: Callable[[Points], Points] = lambda points: points


def _digits(number: int, random: np.random.Generator) -> tuple[Points, Points]:
    images, labels = load_digits(return_X_y=True)
    is_own = labels == random.integers(10)
    own, others = images[is_own] / 8 - 1, images[~is_own] / 8 - 1
    # A digit has fewer images than the largest sizes ask for; the last ones repeat the first.
    return own[np.resize(random.permutation(len(own)), number)], random.permutation(others)[:NUM_OTHERS]


def _apart(draw: Callable[[int, np.random.Generator], Points]) -> Pool:
    """A pool whose other classes are of the same kind, a standard deviation apart."""

    def both(number: int, random: np.random.Generator) -> tuple[Points, Points]:
        drawn = draw(number + NUM_OTHERS, random)
        own, others = drawn[:number], drawn[number:]
        return own, others + others.std(axis=0) * random.choice([-1.0, 1.0], size=others.shape[1])

    return Pool(draw=both)


@cache
def _digit_classifier() -> FittedClassifier:
    pool = Digits(DataConfig(name="digits", image_size=8)).pool().images
    classes = Classes(names=pool.class_names, minority=())
    training = training_set(pool, classes, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        return domain_classifier(training, FolderStore(Path(folder)), seed=0)


def _learned(points: Points) -> Points:
    images = torch.tensor(points.reshape(-1, 1, 8, 8), dtype=torch.float32)
    found: Points = _digit_classifier().features(images).numpy().astype(np.float64)
    return found


def _curved(number: int, random: np.random.Generator) -> Points:
    found: Points = np.maximum(random.normal(size=(number, 6)) @ np.random.default_rng(5).normal(size=(6, 64)), 0)
    return found


def _clusters(number: int, random: np.random.Generator) -> Points:
    centres = 3 * random.normal(size=(10, 8))
    return centres[random.integers(10, size=number)] + 0.5 * random.normal(size=(number, 8))


POOLS: Mapping[str, Pool] = {
    "digits, pixels": Pool(draw=_digits),
    "digits, learned features": Pool(draw=_digits, features=_learned),
    "normal, 16 features": _apart(lambda number, random: random.normal(size=(number, 16))),
    "curved, 6 of 64": _apart(_curved),
    "ten clusters": _apart(_clusters),
    "heavy tails": _apart(lambda number, random: random.standard_t(3, size=(number, 8))),
}


def _fitted_normal(images: Images, random: np.random.Generator) -> Points:
    centre, covariance = images.training.mean(axis=0), np.cov(images.training.T)
    ridge = 1e-3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return random.multivariate_normal(centre, covariance + ridge, size=len(images.fresh))


def _with_noise(points: Points, images: Images, random: np.random.Generator, scale: float) -> Points:
    return points + scale * images.spread * random.normal(size=points.shape)


def _repeating(few: Points, images: Images, random: np.random.Generator, share: float) -> Points:
    """A share of the draws are a few images, again and again."""
    number = round(share * len(images.fresh))
    again = _with_noise(few[random.integers(len(few), size=number)], images, random, 0.02)
    return np.concatenate([again, images.fresh[number:]])


HONEST: Mapping[str, Draw] = {
    "fresh images": lambda images, random: images.fresh,
    "fresh images, blurred towards their mean": lambda images, random: (
        0.7 * images.fresh + 0.3 * images.fresh.mean(axis=0)
    ),
    "fresh images with much noise": lambda images, random: _with_noise(images.fresh, images, random, 1.0),
    "three fresh images again and again": lambda images, random: _with_noise(
        images.fresh[random.integers(3, size=len(images.fresh))], images, random, 0.02
    ),
    "fresh images, one of them in half of the draws": lambda images, random: _repeating(
        images.fresh[:1], images, random, 0.5
    ),
    "a normal distribution fitted to the training images": _fitted_normal,
}


def _planted_again(share: float, number: int) -> Draw:
    return lambda images, random: _repeating(images.training[:number], images, random, share)


def _planted(share: float, noise: float, *, of_others: bool = False) -> Draw:
    def draw(images: Images, random: np.random.Generator) -> Points:
        number, copied = round(share * len(images.fresh)), images.others if of_others else images.training
        copies = copied[random.integers(len(copied), size=number)]
        return np.concatenate([_with_noise(copies, images, random, noise), images.fresh[number:]])

    return draw


PLANTED: Mapping[str, Mapping[float, Draw]] = {
    name: {share: _planted(share, noise, of_others=of_others) for share in SHARES}
    for name, noise, of_others in (
        ("copies", 0.0, False),
        ("copies with little noise", 0.1, False),
        ("copies with noise", 0.25, False),
        ("copies of other classes, with little noise", 0.1, True),
    )
} | {
    name: {share: _planted_again(share, number) for share in SHARES}
    for name, number in (("one image again and again", 1), ("two images again and again", 2))
}


class Accused(NamedTuple):
    """How many generators are called memorising, and how many collapsed."""

    memorised: int
    collapsed: int


def accused(pool: str, size: tuple[int, int, int], draw: Draw, repeats: int) -> Accused:
    """The verdicts on a generator in `repeats` draws of all images."""
    num_training, num_held_out, _ = size
    random = np.random.default_rng([*map(ord, pool), *size])
    features = POOLS[pool].features
    memorised = collapsed = 0
    for _ in range(repeats):
        points, others = POOLS[pool].draw(sum(size), random)
        training, held_out, fresh = np.split(points, [num_training, num_training + num_held_out])
        generated = draw(Images(training=training, fresh=fresh, others=others), random)
        generated, training, held_out, others = map(features, (generated, training, held_out, others))
        found = measure_memorisation(generated, training, held_out, others=others, seed=0)
        near = repeat_distance(training, seed=0)
        memorised += bool(find_memorised({"class": found}))
        collapsed += has_collapsed(*(find_repeats(each, nearer_than=near) for each in (generated, training)))
    return Accused(memorised, collapsed)


def honest_table(repeats: int) -> Iterator[str]:
    """How often each is called memorising and collapsed: a row a generator, a column a kind of images."""
    yield f"| honest generator | {' | '.join(POOLS)} |"
    yield f"| --- |{' ---: |' * len(POOLS)}"
    for name, draw in HONEST.items():
        found = ([accused(pool, size, draw, repeats) for size in SIZES] for pool in POOLS)
        shares = (np.sum(each, axis=0) / (repeats * len(SIZES)) for each in found)
        yield f"| {name} | {' | '.join(' / '.join(f'{share:.3f}' for share in each) for each in shares)} |"


def planted_table(repeats: int) -> Iterator[str]:
    """How often planted memorisation is found: a row a generator and share, a column a size, over all images."""
    sizes = (f"{training} / {held_out} / {generated}" for training, held_out, generated in SIZES)
    yield f"| planted | share | {' | '.join(sizes)} |"
    yield f"| --- | ---: |{' ---: |' * len(SIZES)}"
    for name, by_share in PLANTED.items():
        for share, draw in by_share.items():
            found = (
                sum(accused(pool, size, draw, repeats).memorised for pool in POOLS) / (repeats * len(POOLS))
                for size in SIZES
            )
            yield f"| {name} | {share:.0%} | {' | '.join(f'{each:.2f}' for each in found)} |"


@dataclass(frozen=True, kw_only=True)
class TrainedDigit:
    """Features of a GAN's images of one digit, of the images that it was trained on, and of ones it never met."""

    generated: Points
    met: Points
    not_met: Points
    others: Points
    """Of other digits, never met either."""


def train_digits(variant: str, root: str) -> Iterator[TrainedDigit]:
    """A GAN of `variant` for each digit of MNIST."""
    pool = image_source(DataConfig(name="mnist", root=root, image_size=16, train_size=12_000)).pool().images
    cpu = torch.device("cpu")
    everything = training_set(pool, Classes(names=pool.class_names, minority=()), cpu)
    with tempfile.TemporaryDirectory() as folder:
        measure = domain_classifier(everything, FolderStore(Path(folder)), seed=0)
    for label in range(len(pool.class_names)):
        random = np.random.default_rng(label)
        own, others = (random.permutation(np.flatnonzero((pool.labels == label) == is_own)) for is_own in (1, 0))
        chosen = pool.subset(np.concatenate([own[:NUM_MET], others[:NUM_BESIDE]]))
        training = training_set(chosen, Classes(names=pool.class_names, minority=(label,)), cpu)
        settings = {"name": variant, "gan": {"generator_steps": TRAINED[variant]}}
        [*_, balanced] = parse_balancing(settings).balancer.balance(training, seed=label)
        features = [
            measure.features(images).numpy().astype(np.float64)
            for images in (
                balanced.training.images[balanced.training.synthetic],
                *(take(everything.images, torch.from_numpy(rows)) for rows in (own, others)),
            )
        ]
        yield TrainedDigit(
            generated=features[0],
            met=features[1][:NUM_MET],
            not_met=features[1][NUM_MET:],
            others=features[2][NUM_BESIDE:],
        )


def judge_trained(
    digit: TrainedDigit, size: tuple[int, int, int], random: np.random.Generator
) -> tuple[bool, bool]:
    """Whether a GAN is called memorising beside images that it has not met, and beside those that it has."""
    num_training, num_held_out, num_generated = size
    not_met = random.permutation(digit.not_met)
    met, generated, others = map(random.permutation, (digit.met, digit.generated, digit.others))
    unmet, held_out = not_met[:num_training], not_met[num_training : num_training + num_held_out]

    def is_accused(training: Points) -> bool:
        found = measure_memorisation(
            generated[:num_generated], training, held_out, others=others[:NUM_OTHERS], seed=0
        )
        return bool(find_memorised({"class": found}))

    return is_accused(unmet), is_accused(met[:num_training])


def trained_table(root: str) -> Iterator[str]:
    """How often trained GANs are called memorising: a row a variant, a column a size."""
    sizes = [size for size in SIZES if size[0] <= NUM_MET]
    columns = (f"{training} / {held_out} / {generated}" for training, held_out, generated in sizes)
    yield f"| trained GAN | generator steps | {' | '.join(columns)} |"
    yield f"| --- | ---: |{' ---: |' * len(sizes)}"
    for variant, steps in TRAINED.items():
        random, digits = np.random.default_rng(0), [*train_digits(variant, root)]
        judged = (
            np.mean([judge_trained(digit, size, random) for digit in digits for _ in range(JUDGEMENTS)], axis=0)
            for size in sizes
        )
        shares = (f"{unmet:.3f} / {met:.2f}" for unmet, met in judged)
        yield f"| {variant} | {steps:,} | {' | '.join(shares)} |"


def main() -> None:
    """Draw or train, judge, and put the tables into docs/memorisation.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--repeats", type=int, default=HONEST_REPEATS, help="honest generators of each kind, images and size"
    )
    parser.add_argument("--trained", metavar="ROOT", help="train GANs on ROOT/mnist instead")
    given = parser.parse_args()
    if given.trained is not None:
        torch.set_num_threads(1)
        said = (
            f"{10 * JUDGEMENTS} judgements of ten GANs, one a digit, in each cell: the share that is called "
            "memorising beside training images that the GAN has not met / beside those that it was trained on."
        )
        put_lines("memorisation.md", "trained", [said, "", *trained_table(str(Path(given.trained) / "mnist"))])
        return
    repeats: int = given.repeats
    planted = max(1, repeats // 4)
    said = (
        f"{repeats * len(SIZES)} generators in each cell of the first table (called memorising / collapsed), "
        f"{planted * len(POOLS)} in each of the second, whose columns have the numbers of training, held-out and "
        "generated images."
    )
    put_lines("memorisation.md", "measured", [said, "", *honest_table(repeats), "", *planted_table(planted)])


if __name__ == "__main__":
    main()
