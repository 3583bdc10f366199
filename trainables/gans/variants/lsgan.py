"""The least-squares GAN."""

from gan_study.trainables.gans.losses import LEAST_SQUARES
from gan_study.trainables.gans.networks.fully_connected import fully_connected_networks
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant

LSGAN = GanVariant(
    name="lsgan",
    summary="fully connected, least squares instead of cross-entropy; one GAN for each rare class",
    source="Mao et al. 2017, arXiv:1611.04076; the kinds of layers of the X-ray report",
    # Its images stay far behind real ones up to 4,000 steps, on two sets (docs/gan_length.md).
    defaults=DEFAULTS,
    # Fully connected, as in the X-ray report, which states no widths: those of the MNIST report's vanilla GAN.
    networks=fully_connected_networks(hidden_sizes=(256, 512), batch_norm=True),
    loss=LEAST_SQUARES,
)
