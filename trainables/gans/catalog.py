"""Every GAN variant by name."""

from collections.abc import Mapping

from trainables.gans.variant import GanVariant
from trainables.gans.variants.cgan import CGAN
from trainables.gans.variants.dcgan import DCGAN
from trainables.gans.variants.vanilla_gan import VANILLA_GAN
from trainables.gans.variants.wgan_gp import WGAN_GP

VARIANTS: Mapping[str, GanVariant] = {
    variant.name: variant
    for variant in (
        VANILLA_GAN,
        DCGAN,
        CGAN,
        WGAN_GP,
    )
}
