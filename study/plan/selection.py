"""What the search chose, saved in the study folder: from then on the search is closed."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.settings import ConfigError, dump, from_json, parse, settings
from gan_study.trainables.record import Selection
from gan_study.trainables.runtime.storage import write_atomically


def _parse_balancing(value: object) -> BalancingConfig:
    """The balancer that a file describes in a mapping, or the value itself."""
    if isinstance(value, BalancingConfig):
        return value
    if not isinstance(value, dict):
        raise ConfigError(f"balancing: {value!r} is no mapping of settings")
    return parse_balancing(value)


@settings
class SelectedConfig:
    """The configuration of a balancer at a ratio that is confirmed, and the search it won."""

    balancer: str
    ratio: float | None
    balancing: Annotated[BalancingConfig, PlainValidator(_parse_balancing), PlainSerializer(BalancingConfig.dump)]
    selection: Selection


@settings
class _Selected:
    configurations: tuple[SelectedConfig, ...]


def write_selection(path: Path, selected: tuple[SelectedConfig, ...], *, patience_seconds: float = 0.0) -> None:
    """Save `selected`; equal selections give equal bytes."""
    content = json.dumps(dump(_Selected(configurations=selected)), indent=2, sort_keys=True) + "\n"
    write_atomically(path, content.encode(), patience_seconds=patience_seconds)


def read_selection(path: Path) -> tuple[SelectedConfig, ...] | None:
    """The selection that was saved; None while the search runs. Raises ConfigError where it is damaged."""
    if not path.exists():
        return None
    try:
        return parse(_Selected, from_json(path.read_bytes()), where="").configurations
    except ConfigError as error:
        raise ConfigError(f"{path} is damaged: {error}") from None
