"""Settings laid over others, section by section."""

from collections.abc import Mapping

from pydantic import JsonValue

from gan_study.trainables.gans.length import displaced_lengths


def merge(values: Mapping[str, JsonValue], changes: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`values` with `changes` laid over them, section by section.

    A section with a kind (of imbalance, of range) is replaced as a whole, and so is the length of a GAN's
    training.
    """
    result = {key: value for key, value in values.items() if key not in displaced_lengths(changes)}
    for key, change in changes.items():
        old = result.get(key)
        is_section = isinstance(old, dict) and isinstance(change, dict) and not change.keys() & {"kind", "profile"}
        result[key] = merge(old, change) if is_section else change  # type: ignore[arg-type]
    return result
