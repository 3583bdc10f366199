"""Points of a space as vectors in the unit cube, and points near another one."""

import math
from collections.abc import Mapping

import numpy as np

from gan_study.search_spaces.space import BALANCER, Space
from gan_study.trainables.base.tunable import Choice, Int, Scalar, Tunable

# Standard deviation of a step in the unit cube: large enough to tell settings apart that differ by 0.01 to 0.04,
# small enough that most points stay near what is known to work (simulated: benchmarks/search.py).
STEP = 0.15
# How often a choice is drawn again: a third of the points, so that most differ from the default in numbers alone.
CHOICE_RATE = 1 / 3


def to_unit_cube(space: Space, point: Mapping[str, Scalar]) -> list[float]:
    """`point` as numbers in [0, 1], the same number for every point of `space`; a parameter that it lacks is 0.5.

    A range has one coordinate, on its own scale, and so has a choice of numbers, by their order; in any other
    choice each option has one, so that two options have distance 1.
    """
    return [
        number for key, domain in sorted(space.parameters.items()) for number in _encode(domain, point.get(key))
    ]


def near(
    space: Space, point: Mapping[str, Scalar], rng: np.random.Generator, *, fixed: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """A point of `space` near `point`: a normal step of STEP along each range, clipped to it.

    `fixed` contains the balancer and the ratio. A parameter that `point` lacks is stepped from the middle of its
    range.
    """
    keys = space.keys_of(str(fixed[BALANCER]))
    return {**fixed, **{key: _step(space.parameters[key], point.get(key), rng) for key in keys}}


def clip(domain: Tunable, value: object) -> Scalar | None:
    """The value of a range that is nearest to `value`; None if it is not a number, or not an option of a
    choice.
    """
    if isinstance(domain, Choice):
        return next((option for option in domain.options if option == value), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(domain.high, max(domain.low, value))


def position(domain: Tunable, value: Scalar | None) -> float:
    """The position of `value` between the ends of a range, from 0 to 1; 0.5 for None."""
    assert not isinstance(domain, Choice), "only a range has ends"
    if value is None or domain.low == domain.high:
        return 0.5
    low, high, at = (math.log(end) if domain.log else end for end in (domain.low, domain.high, float(value)))
    return (at - low) / (high - low)


def _encode(domain: Tunable, value: Scalar | None) -> list[float]:
    if not isinstance(domain, Choice):
        return [position(domain, value)]
    if _is_ordered(domain):
        places = sorted(map(float, domain.options))
        return [0.5 if value is None else places.index(float(value)) / max(1, len(places) - 1)]
    return [0.5 if value is None else (option == value) * math.sqrt(0.5) for option in domain.options]


def _is_ordered(choice: Choice) -> bool:
    return not any(isinstance(option, bool | str) for option in choice.options)


def _step(domain: Tunable, value: Scalar | None, rng: np.random.Generator) -> Scalar:
    if isinstance(domain, Choice):
        is_drawn = value is None or rng.random() < CHOICE_RATE
        return domain.options[int(rng.integers(len(domain.options)))] if is_drawn else value  # type: ignore[return-value]
    place = min(1.0, max(0.0, position(domain, value) + STEP * rng.standard_normal()))
    low, high = (math.log(end) if domain.log else end for end in (domain.low, domain.high))
    found = low + place * (high - low)
    found = min(domain.high, max(domain.low, math.exp(found) if domain.log else found))
    return round(found) if isinstance(domain, Int) else found
