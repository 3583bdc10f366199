"""Every GAN variant by name: all that the modules of `variants/` define, and those of others."""

from dataclasses import replace

from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.plugins import Catalog
from gan_study.trainables.gans import variants
from gan_study.trainables.gans.variant import GanVariant

# A search chooses among the variants in this order, and its suggestions depend on the order. The names listed here
# keep their places; variants that are not listed follow, by name.
_FIRST = (
    *("vanilla_gan", "fc_dcgan", "dcgan", "lsgan", "cgan", "cgan_sngp", "wgan", "wgan_gp", "dragan"),
    *("acgan", "bagan", "bagan_gp", "projection_sngan", "r3gan"),
)


def _adopt(loaded: object, name: str) -> GanVariant | None:
    return replace(loaded, name=name) if isinstance(loaded, GanVariant) else None


VARIANTS = Catalog(collect_members(variants, GanVariant, first=_FIRST), "gans", needs="a GanVariant", adopt=_adopt)
