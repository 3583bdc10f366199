"""Every way of balancing by name.

All that the modules of `methods/` define, and every GAN variant.
"""

from collections.abc import Mapping

from gan_study.trainables.balancing import methods
from gan_study.trainables.balancing.balancer import BalancerEntry, BalancingConfig
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.settings import ConfigError, look_up, nearest
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


def parse_balancing(values: Mapping[str, object], where: str = "balancing") -> BalancingConfig:
    """The balancer that `values` describes: its "name" and its settings.

    Raises ConfigError if the name or a key is unknown, or a value is not allowed.
    """
    if "name" not in values:
        raise ConfigError(f"{where}.name: a value is needed; {nearest('', BALANCERS)}")
    name, rest = values["name"], {key: value for key, value in values.items() if key != "name"}
    if not isinstance(name, str):
        raise ConfigError(f"{where}.name: {name!r} is unknown; {nearest(str(name), BALANCERS)}")
    return BalancingConfig(name, look_up(BALANCERS, name, where=f"{where}.name").parse(rest, where))
