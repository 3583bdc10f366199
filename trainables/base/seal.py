"""Seals: a digest in a file or line of JSON of all else in it, so that an edit by hand is noticed.

What this package writes of a study, and decides by, has one. Files of early versions have none.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from gan_study.trainables.base.settings import ConfigError, digest

SEAL = "seal"


def seal_of(values: Mapping[str, JsonValue]) -> str:
    """The seal that belongs to `values`, whatever seal they have."""
    return digest(without_seal(values))


def without_seal(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """All of `values` but the seal."""
    return {key: value for key, value in values.items() if key != SEAL}


def sealed(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`values` with their seal."""
    return {**values, SEAL: seal_of(values)}


def is_broken(values: Mapping[str, JsonValue]) -> bool:
    """Whether `values` have a seal that is not theirs."""
    return SEAL in values and values[SEAL] != seal_of(values)


def unsealed(values: JsonValue) -> JsonValue:
    """`values` without their seal; raises ConfigError if they were edited since they got it."""
    if not isinstance(values, dict):
        return values
    if is_broken(values):
        raise ConfigError("it was edited after it was written, as its seal shows; undo the edit")
    return without_seal(values)
