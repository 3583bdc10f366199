"""The Wasserstein GAN with clipped weights."""

from dataclasses import replace

from gan_study.trainables.gans.losses import WASSERSTEIN
from gan_study.trainables.gans.networks.convolutional import convolutional_networks
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant

WGAN = GanVariant(
    name="wgan",
    summary="Wasserstein loss with clipped weights, convolutional; one GAN for each rare class",
    source="Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1",
    defaults=replace(
        DEFAULTS,
        # Ten times the paper's: a weight moves by about the rate in a step, and some hundred images give the
        # generator some hundred steps, in which 5e-5 would not take it beyond its initial noise.
        learning_rate=5e-4,
        # The paper found momentum to make the critic unstable and took RMSprop: which is Adam without momentum,
        # but for Adam's correction of the first steps' bias. 0.99 is RMSprop's own decay in PyTorch.
        beta1=0.0,
        beta2=0.99,
        batch_size=16,
        discriminator_steps=5,
        weight_clip=0.01,
    ),
    # The DCGAN's (section 4.2), batch norm in the critic included: no penalty forbids it. Its scales are clipped
    # with the weights, as in the authors' code.
    networks=convolutional_networks(discriminator_norm=True),
    loss=WASSERSTEIN,
)
