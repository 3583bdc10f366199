"""Every way of balancing by name.

All that the modules of `methods/` define, DeepSMOTE, flow matching, every GAN variant, and those of others.
"""

from collections.abc import Mapping
from dataclasses import replace

from gan_study.trainables.balancing import methods
from gan_study.trainables.balancing.balancer import BalancerEntry, BalancingConfig
from gan_study.trainables.balancing.deep_smote import DEEP_SMOTE
from gan_study.trainables.balancing.flow_matching import FLOW_MATCHING
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.plugins import Catalog
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import GanVariant


def _by_gan(variant: GanVariant) -> BalancerEntry:
    return BalancerEntry(
        name=variant.name,
        summary=variant.summary,
        settings=GanBalancing,
        variant=variant,
        training_section="gan",
        adds_images=True,
    )


def _adopt(loaded: object, name: str) -> BalancerEntry | None:
    if isinstance(loaded, GanVariant):
        return _by_gan(replace(loaded, name=name))
    return replace(loaded, name=name) if isinstance(loaded, BalancerEntry) else None


BALANCERS = Catalog(
    {
        **collect_members(methods, BalancerEntry),
        DEEP_SMOTE.name: DEEP_SMOTE,
        FLOW_MATCHING.name: FLOW_MATCHING,
        **{name: _by_gan(each) for name, each in VARIANTS.items()},
    },
    "balancers",
    "gans",
    needs="a BalancerEntry or a GanVariant",
    adopt=_adopt,
)


def parse_balancing(values: Mapping[str, object], where: str = "balancing") -> BalancingConfig:
    """The balancer that `values` describes: its "name" and its settings.

    Raises ConfigError if the name or a key is unknown, or a value is not allowed.
    """
    if "name" not in values:
        raise ConfigError(f"{where}.name: a value is needed; {nearest('', BALANCERS)}")
    name, rest = values["name"], {key: value for key, value in values.items() if key != "name"}
    if not isinstance(name, str):
        raise ConfigError(f"{where}.name: {name!r} is unknown; {nearest(str(name), BALANCERS)}")
    return BalancingConfig(name, BALANCERS.find(name, where=f"{where}.name").parse(rest, where))
