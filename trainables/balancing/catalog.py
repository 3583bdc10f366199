"""Every way of balancing by name, and the configuration that chooses one.

All that the modules of `methods/` define, and every GAN variant.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from gan_study.trainables.balancing import methods
from gan_study.trainables.balancing.balancer import Balancer, BalancerEntry, dump_settings
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.gans.catalog import VARIANTS

BALANCERS: Mapping[str, BalancerEntry] = {
    **collect_members(methods, BalancerEntry),
    **{
        name: BalancerEntry(
            name=name, summary=variant.summary, settings=GanBalancing, variant=variant, adds_images=True
        )
        for name, variant in VARIANTS.items()
    },
}


@dataclass(frozen=True)
class BalancingConfig:
    """The chosen balancer, by name, and with its settings."""

    name: str
    balancer: Balancer


def parse_balancing(values: Mapping[str, object], where: str = "balancing") -> BalancingConfig:
    """The balancer that `values` describes: its "name" and its settings.

    Raises ConfigError if the name or a key is unknown, or a value is not allowed.
    """
    if "name" not in values:
        raise ConfigError(f"{where}.name: a value is needed; {nearest('', BALANCERS)}")
    name, rest = values["name"], {key: value for key, value in values.items() if key != "name"}
    if not isinstance(name, str) or name not in BALANCERS:
        raise ConfigError(f"{where}.name: {name!r} is unknown; {nearest(str(name), BALANCERS)}")
    return BalancingConfig(name=name, balancer=BALANCERS[name].parse(rest, where))


def dump_balancing(config: BalancingConfig) -> dict[str, JsonValue]:
    """The canonical nested dict, every default written out; `parse_balancing` of it gives the same balancer."""
    return {"name": config.name, **dump_settings(config.balancer)}
