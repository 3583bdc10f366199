"""The "simplified DCGAN" of the MNIST report: fully connected, without convolutions."""

from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.fully_connected import fully_connected_networks
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant

FC_DCGAN = GanVariant(
    name="fc_dcgan",
    summary="the vanilla GAN at half the width, which the MNIST report calls a DCGAN; one GAN for each rare class",
    source="the MNIST report: layers, loss and learning rate",
    # Its images stay far behind real ones up to 4,000 steps, on two sets (docs/gan_length.md).
    defaults=DEFAULTS,
    # 100 -> 128 -> 256 -> 784 and 784 -> 256 -> 128 -> 1, for images of any size in place of 784 values.
    networks=fully_connected_networks(hidden_sizes=(128, 256), batch_norm=False),
    loss=CROSS_ENTROPY,
)
