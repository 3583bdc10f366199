"""The Wasserstein GAN with gradient penalty."""

from dataclasses import replace

from gan_study.trainables.base.layers import draw_xavier
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import WASSERSTEIN
from gan_study.trainables.gans.networks.wasserstein import wasserstein_critic, wasserstein_generator
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, IgnoreLabels, Networks, Term


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    generator = wasserstein_generator(shape, latent_size=latent_size)
    return Networks(
        generator=IgnoreLabels(draw_xavier(generator)),
        discriminator=IgnoreLabels(draw_xavier(wasserstein_critic(shape))),
    )


WGAN_GP = GanVariant(
    name="wgan_gp",
    summary="Wasserstein loss with a gradient penalty, convolutional; one GAN for each rare class",
    source="Gulrajani et al. 2017, arXiv:1704.00028; networks of the code that the thesis built on",
    defaults=replace(
        DEFAULTS,
        learning_rate=1e-4,
        beta2=0.9,
        # That code's 50 is for 200,000 generator steps. Some hundred images give some hundred steps, and only of
        # small batches: at equal cost 500 zeros of MNIST were digits with 4, and one blurred ring with 16.
        batch_size=4,
        latent_size=128,
        discriminator_steps=5,
        weights={"gradient_penalty": 10.0},
    ),
    networks=_networks,
    loss=WASSERSTEIN,
    discriminator_terms=(Term(name="gradient_penalty", function=gradient_penalty),),
    # Its small batches of large kernels take a fifth longer with channels last.
    channels_last=False,
)
