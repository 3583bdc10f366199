"""Promises of a part, and the results of checking them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import torch

from gan_study.trainables.base.plugins import one_line
from gan_study.trainables.base.seeding import torch_generator
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data.images import Classes, ImageShape, TrainingSet

T = TypeVar("T")

# What a promise says, to a function that raises where it is broken.
Promises: TypeAlias = Mapping[str, Callable[[T], None]]

# Common sizes of images, grey and in colour.
SHAPES = tuple(ImageShape(size=size, channels=channels) for size in (28, 32, 64) for channels in (1, 3))


class BrokenPromiseError(UserError):
    """A part does not do what every part of its kind should; the message says what it does instead."""


def require(is_kept: object, otherwise: str) -> None:
    """Raise BrokenPromiseError with the message `otherwise` unless a condition is true."""
    if not is_kept:
        raise BrokenPromiseError(otherwise)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A promise that was checked, and what is wrong; None if it is kept."""

    promise: str
    wrong: str | None


def check_promises(promises: Promises[T], subject: T) -> Iterator[Finding]:
    """The result of each of `promises`, one after the other; an exception of the part breaks one."""
    for promise, check in promises.items():
        try:
            check(subject)
        # One of them, or what a part is told that it cannot be used for.
        except UserError as error:
            yield Finding(promise=promise, wrong=str(error))
        # A part of others may raise anything.
        except Exception as error:
            yield Finding(promise=promise, wrong=one_line(error))
        else:
            yield Finding(promise=promise, wrong=None)


def few_images(shape: ImageShape) -> TrainingSet:
    """Six, three and two images of noise, mixed; the two smaller classes are the minority."""
    labels = torch.tensor([0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0])
    drawn = torch.rand(11, shape.channels, shape.size, shape.size, generator=torch_generator(0, "few images"))
    return TrainingSet(
        images=drawn * 2 - 1,
        labels=labels,
        weights=torch.ones(11),
        synthetic=torch.zeros(11, dtype=torch.bool),
        classes=Classes(names=("many", "some", "few"), minority=(1, 2)),
    )


def in_words(shape: ImageShape) -> str:
    """A shape in words: 28x28x1."""
    return f"{shape.size}x{shape.size}x{shape.channels}"
