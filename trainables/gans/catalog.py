"""Every GAN variant by name."""

from collections.abc import Mapping

from gan_study.trainables.gans.variant import GanVariant
from gan_study.trainables.gans.variants.acgan import ACGAN
from gan_study.trainables.gans.variants.bagan import BAGAN
from gan_study.trainables.gans.variants.bagan_gp import BAGAN_GP
from gan_study.trainables.gans.variants.cgan import CGAN
from gan_study.trainables.gans.variants.cgan_sngp import CGAN_SNGP
from gan_study.trainables.gans.variants.dcgan import DCGAN
from gan_study.trainables.gans.variants.dragan import DRAGAN
from gan_study.trainables.gans.variants.fc_dcgan import FC_DCGAN
from gan_study.trainables.gans.variants.lsgan import LSGAN
from gan_study.trainables.gans.variants.projection_sngan import PROJECTION_SNGAN
from gan_study.trainables.gans.variants.r3gan import R3GAN
from gan_study.trainables.gans.variants.vanilla_gan import VANILLA_GAN
from gan_study.trainables.gans.variants.wgan import WGAN
from gan_study.trainables.gans.variants.wgan_gp import WGAN_GP

VARIANTS: Mapping[str, GanVariant] = {
    variant.name: variant
    for variant in (
        VANILLA_GAN,
        FC_DCGAN,
        DCGAN,
        LSGAN,
        CGAN,
        CGAN_SNGP,
        WGAN,
        WGAN_GP,
        DRAGAN,
        ACGAN,
        BAGAN,
        BAGAN_GP,
        PROJECTION_SNGAN,
        R3GAN,
    )
}
