"""Promises of a part, and the results of checking them."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import torch

from gan_study.trainables.base.plugins import catch_endings, one_line
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
            with catch_endings(), _unchanged_process():
                check(subject)
        # One of them, or what a part is told that it cannot be used for.
        except UserError as error:
            yield Finding(promise=promise, wrong=str(error))
        # A part of others may raise anything.
        except Exception as error:
            yield Finding(promise=promise, wrong=one_line(error))
        else:
            yield Finding(promise=promise, wrong=None)


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """Something that all trials of a process share."""

    name: str
    read: Callable[[], object]
    restore: Callable[[Any], object]


_SHARED = (
    _Shared(name="the current folder", read=os.getcwd, restore=os.chdir),
    _Shared(name="torch's default type", read=torch.get_default_dtype, restore=torch.set_default_dtype),
    _Shared(name="torch's number of threads", read=torch.get_num_threads, restore=torch.set_num_threads),
    _Shared(name="whether torch computes gradients", read=torch.is_grad_enabled, restore=torch.set_grad_enabled),
    _Shared(
        name="whether torch is deterministic",
        read=torch.are_deterministic_algorithms_enabled,
        restore=torch.use_deterministic_algorithms,
    ),
)


@contextlib.contextmanager
def _unchanged_process() -> Iterator[None]:
    """Raise BrokenPromiseError if the block changes what all trials of a process share; it is restored."""
    before, environment = [each.read() for each in _SHARED], dict(os.environ)
    try:
        yield
    finally:
        changed = [(each, was) for each, was in zip(_SHARED, before, strict=True) if each.read() != was]
        for each, was in changed:
            each.restore(was)
        # Libraries that are loaded meanwhile add variables of their own.
        names = [name for name, was in environment.items() if os.environ.get(name) != was]
        os.environ.update(environment)
    what = [each.name for each, _ in changed] + [f"the variable {name}" for name in names]
    require(not what, f"it changes {' and '.join(what)}, also for other trials of the process")


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
