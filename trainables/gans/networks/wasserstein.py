"""The networks of WGAN-GP, layer by layer as in the code that the thesis used.

That code (github.com/caogang/wgan-gp) has two pairs of networks, for 28 pixels (`gan_mnist.py`) and for 32
(`gan_cifar10.py`). 28 pixels and its doublings (56, 112, 224) extend the first, all other sizes the second.
Additional doublings are at the image's end, each with half the channels, so that a larger map costs no more; with
fewer doublings, the widest layers are left out. Batch norm is used as in that code: in the generator of the second
pair, after all layers except the last, and nowhere else.

Two things differ. As in the document, every activation is a LeakyReLU with slope 0.2; that code has ReLU in all
except the second critic, whose slope is 0.01. The first generator ends in tanh; that code ends in a logistic
function for images in [0, 1], but ours are in [-1, 1].
"""

from itertools import pairwise

from torch import Tensor, nn

from gan_study.trainables.base.layers import Convolution, FlattenMaps, Leaky, TransposedConvolution, UnflattenMaps
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.variant import Realness

# The size of the first pair, and the map that its generator crops; 4 pixels a side is where both begin and end.
CROPPED_SIZE = 28
CROP = 7
COARSEST = 4


def wasserstein_generator(shape: ImageShape, *, latent_size: int) -> nn.Sequential:
    """Maps latents [N, latent_size] to images [N, C, H, W] in [-1, 1]."""
    build = _cropping_generator if shape.size % CROPPED_SIZE == 0 else _doubling_generator
    return build(shape, latent_size)


def wasserstein_critic(shape: ImageShape) -> nn.Sequential:
    """The critic's values for images [N, C, H, W], without batch norm, because the penalty is computed for each
    image separately.

    As many layers with stride 2 as the generator's design has widths: 5x5 kernels for 28 pixels, 3x3 for others.
    """
    if shape.size % CROPPED_SIZE == 0:
        widths, kernel, end = cropping_widths(shape), 5, COARSEST
    else:
        widths, kernel, end = doubling_widths(shape), 3, pyramid(shape.size)[0]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((shape.channels, *widths)):
        layers += [Convolution(inputs, outputs, kernel, stride=2, padding=kernel // 2), Leaky()]
    return nn.Sequential(*layers, FlattenMaps(), nn.Linear(widths[-1] * end**2, 1), Realness())


def cropping_widths(shape: ImageShape) -> tuple[int, ...]:
    """Channels from the image inwards: 64, 128, 256 at 28 pixels; 32, 64, 128, 256 at 56."""
    _, num_doublings = pyramid(shape.size)
    return tuple(256 >> level for level in reversed(range(num_doublings + 1)))


def doubling_widths(shape: ImageShape) -> tuple[int, ...]:
    """Channels from the image inwards: 128, 256, 512 at 32 pixels; 64, 128, 256, 512 at 64; 128, 256 at 16."""
    _, num_doublings = pyramid(shape.size)
    finest = 128 >> max(num_doublings - 3, 0)
    return tuple(finest << level for level in range(num_doublings))


class _Crop(nn.Module):
    """The upper left 7 x 7 of maps that are larger."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps[:, :, :CROP, :CROP]


def _cropping_generator(shape: ImageShape, latent_size: int) -> nn.Sequential:
    """4 -> 8, cropped to 7 -> 11 by 5x5 kernels, -> 28 by 8x8 of stride 2, all unpadded; and on by 8x8, padded."""
    first, second, third, *others = (*cropping_widths(shape)[::-1], shape.channels)
    layers: list[nn.Module] = [
        nn.Linear(latent_size, first * COARSEST**2),
        Leaky(),
        UnflattenMaps(first, COARSEST),
        TransposedConvolution(first, second, kernel_size=5),
        Leaky(),
        _Crop(),
        TransposedConvolution(second, third, kernel_size=5),
    ]
    for level, (inputs, outputs) in enumerate(pairwise((third, *others))):
        padding = 3 if level else 0
        layers += [Leaky(), TransposedConvolution(inputs, outputs, 8, stride=2, padding=padding)]
    return nn.Sequential(*layers, nn.Tanh())


def _doubling_generator(shape: ImageShape, latent_size: int) -> nn.Sequential:
    """4 -> 8 -> 16 -> 32 by 2x2 kernels of stride 2; the first batch norm is of each value by itself."""
    start, _ = pyramid(shape.size)
    channels = (*doubling_widths(shape)[::-1], shape.channels)
    values = channels[0] * start**2
    layers: list[nn.Module] = [
        nn.Linear(latent_size, values),
        nn.BatchNorm1d(values),
        Leaky(),
        UnflattenMaps(channels[0], start),
    ]
    for inputs, outputs in pairwise(channels[:-1]):
        layers += [TransposedConvolution(inputs, outputs, 2, stride=2), nn.BatchNorm2d(outputs), Leaky()]
    return nn.Sequential(*layers, TransposedConvolution(channels[-2], channels[-1], 2, stride=2), nn.Tanh())
