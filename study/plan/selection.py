"""The configurations to confirm, saved in the study folder: from then on the search is closed."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from gan_study.study.plan.config import StudyConfig
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.seal import sealed, unsealed
from gan_study.trainables.base.settings import ConfigError, dump, from_json, parse, settings
from gan_study.trainables.records.record import Selection
from gan_study.trainables.runtime.storage import write_atomically


def _parse_balancing(value: object) -> BalancingConfig:
    """The balancer that a file describes in a mapping, or the value itself."""
    if isinstance(value, BalancingConfig):
        return value
    if not isinstance(value, dict):
        raise ConfigError(f"balancing: {value!r} is not a mapping of settings")
    return parse_balancing(value)


@settings
class SelectedConfig:
    """The configuration of a balancer at a ratio that is confirmed, and how the search chose it."""

    balancer: str
    ratio: float | None
    balancing: Annotated[BalancingConfig, PlainValidator(_parse_balancing), PlainSerializer(BalancingConfig.dump)]
    selection: Selection


@settings
class ClosedSearch:
    """The result of a search: the configurations to confirm."""

    configurations: tuple[SelectedConfig, ...]
    """The confirmed settings of each searched balancer, at each ratio."""
    fits: int = Field(ge=1)
    """How many classifiers each confirmed trial fits to its balanced set."""
    num_searched: int | None = None
    """The search trials that it is based on; None if not counted."""
    why_short: str | None = None
    """Why the search had fewer trials than possible; None if it had all, or if nothing was searched."""


def choice_settings(config: StudyConfig) -> tuple[object, ...]:
    """Everything that the choice depends on besides the records."""
    return config.search, config.confirm.fits, config.balancers, config.baselines


def write_selection(path: Path, closed: ClosedSearch, *, patience_seconds: float = 0.0) -> None:
    """Save `closed`; equal ones give equal bytes."""
    content = json.dumps(sealed(dump(closed)), indent=2, sort_keys=True) + "\n"
    write_atomically(path, content.encode(), patience_seconds=patience_seconds)


def read_selection(path: Path) -> ClosedSearch | None:
    """What was saved; None while the search runs. Raises ConfigError if it is damaged."""
    if not path.exists():
        return None
    try:
        return parse(ClosedSearch, unsealed(from_json(read_bytes(path))), where="")
    except ConfigError as error:
        raise ConfigError(f"{path} is damaged: {error}") from None
