"""The first GAN: fully connected, cross-entropy."""

from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.fully_connected import fully_connected_networks
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant

VANILLA_GAN = GanVariant(
    name="vanilla_gan",
    summary="the first GAN: fully connected networks, cross-entropy; one GAN for each rare class",
    source="Goodfellow et al. 2014, arXiv:1406.2661; layers and learning rate of the MNIST report",
    # Its images stay far behind real ones up to 4,000 steps, on two sets (docs/gan_length.md).
    defaults=DEFAULTS,
    # 100 -> 256 -> 512 -> 784 and 784 -> 512 -> 256 -> 1, for images of any size in place of 784 values.
    networks=fully_connected_networks(hidden_sizes=(256, 512), batch_norm=False),
    loss=CROSS_ENTROPY,
)
