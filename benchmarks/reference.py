"""Training loops as public scripts write them, to measure against; written for this, not taken from any.

A DataLoader decodes and normalises image by image, PyTorch's defaults do the rest, and every step reads its loss.
Networks, batch size, optimiser settings and number of steps are the caller's, with torch's own layers in place of
ours, so that the loop is compared and what it is made of, and nothing else.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision import transforms

from gan_study.trainables.base.layers import (
    Convolution,
    DoubledConvolution,
    FlattenMaps,
    Leaky,
    TransposedConvolution,
    UnflattenMaps,
)
from gan_study.trainables.gans.networks.conditioning import ConcatenateBeforeLinear, ConcatenateLabels
from gan_study.trainables.gans.variant import GanSettings


class Pictures(Dataset[tuple[Tensor, int]]):
    """Bytes [N, H, W] or [N, H, W, 3] as a data set of pictures, decoded one at a time."""

    def __init__(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> None:
        self.images, self.labels = images, labels
        channels = 1 if images.ndim == 3 else 3
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,) * channels, (0.5,) * channels)]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One picture [C, H, W] in [-1, 1], and its label."""
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def with_torchs_layers(network: nn.Module) -> nn.Module:
    """`network`, its layers replaced by those that a script would have: the same numbers.

    Pooling before ReLU becomes ReLU before pooling, as it is usually written.
    """
    network = _torchs_layer(network)
    _replace_parts(network, _torchs_layer)
    for chain in network.modules():
        if isinstance(chain, nn.Sequential):
            for place, (first, second) in enumerate(pairwise(list(chain))):
                if isinstance(first, nn.MaxPool2d) and isinstance(second, nn.ReLU):
                    chain[place], chain[place + 1] = second, first
    return network


def with_torchs_order(network: nn.Module) -> nn.Module:
    """`network`, between maps and rows as a script would: channel by channel, so that other weights meet."""
    _replace_parts(network, _torchs_order)
    return network


def _replace_parts(network: nn.Module, replacement: Callable[[nn.Module], nn.Module]) -> None:
    for name, part in network.named_children():
        setattr(network, name, replacement(part))
        _replace_parts(part, replacement)


def _torchs_layer(part: nn.Module) -> nn.Module:
    match part:
        case Leaky():
            return nn.LeakyReLU(part.negative_slope)
        case ConcatenateBeforeLinear():
            return _joined(part)
        case DoubledConvolution():
            return nn.Sequential(nn.Upsample(scale_factor=2), _plain_convolution(part, nn.Conv2d))
        case Convolution():
            return _plain_convolution(part, nn.Conv2d)
        case TransposedConvolution():
            return _plain_convolution(part, nn.ConvTranspose2d)
        case _:
            return part


def _torchs_order(part: nn.Module) -> nn.Module:
    match part:
        case FlattenMaps():
            return nn.Flatten()
        case UnflattenMaps():
            return nn.Unflatten(1, (part.num_channels, part.size, part.size))
        case _:
            return part


def _joined(part: ConcatenateBeforeLinear) -> nn.Module:
    weight = torch.cat([part.weight, part.label_weight], dim=1).detach()
    linear = nn.Linear(weight.shape[1], weight.shape[0]).to(weight)
    linear.load_state_dict({"weight": weight, "bias": part.bias})
    num_classes, label_size = part.embedding.weight.shape
    whole = ConcatenateLabels(nn.Sequential(linear, part.after), num_classes=num_classes, label_size=label_size)
    whole.embedding = part.embedding
    return whole


def _plain_convolution(
    part: nn.Conv2d | nn.ConvTranspose2d, kind: type[nn.Conv2d] | type[nn.ConvTranspose2d]
) -> nn.Module:
    plain = kind(
        part.in_channels,
        part.out_channels,
        part.kernel_size,  # type: ignore[arg-type]
        stride=part.stride,  # type: ignore[arg-type]
        padding=part.padding,  # type: ignore[arg-type]
        bias=part.bias is not None,
    )
    plain.load_state_dict(part.state_dict())
    return plain.to(part.weight)


@dataclass
class Losses:
    """Running sums, as scripts print them."""

    discriminator: float = 0.0
    generator: float = 0.0


def train_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    settings: GanSettings,
    pictures: Pictures,
    device: str = "cpu",
    sampler: Sampler[int] | None = None,
) -> Losses:
    """A GAN with cross-entropy: one step of the discriminator and one of the generator a batch.

    The pictures come shuffled, or as `sampler` draws them.
    """
    loader = DataLoader(pictures, batch_size=settings.batch_size, shuffle=sampler is None, sampler=sampler)
    betas = (settings.beta1, settings.beta2)
    generator_optimiser = torch.optim.Adam(generator.parameters(), lr=settings.learning_rate, betas=betas)
    discriminator_optimiser = torch.optim.Adam(discriminator.parameters(), lr=settings.learning_rate, betas=betas)
    criterion = nn.BCEWithLogitsLoss()
    losses = Losses()
    for _ in range(num_epochs(settings, len(loader))):
        for real, labels in loader:
            real, labels = real.to(device), labels.to(device)
            ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)
            fake = generator(torch.randn(len(real), settings.latent_size, device=device), labels)

            discriminator_optimiser.zero_grad()
            on_real = criterion(discriminator(real, labels).logits, ones)
            on_fake = criterion(discriminator(fake.detach(), labels).logits, zeros)
            loss = on_real + on_fake
            loss.backward()
            discriminator_optimiser.step()
            losses.discriminator += loss.item()

            generator_optimiser.zero_grad()
            loss = criterion(discriminator(fake, labels).logits, ones)
            loss.backward()
            generator_optimiser.step()
            losses.generator += loss.item()
    return losses


def num_epochs(settings: GanSettings, num_batches: int) -> int:
    """Passes over the pictures that come nearest to the length that the settings ask for."""
    if settings.epochs is not None:
        return settings.epochs
    assert settings.generator_steps is not None
    return max(1, round(settings.generator_steps * settings.discriminator_steps / num_batches))


def train_wgan_gp(
    generator: nn.Module, critic: nn.Module, settings: GanSettings, pictures: Pictures, device: str = "cpu"
) -> Losses:
    """WGAN-GP: a generator step after every `discriminator_steps` critic steps."""
    loader = DataLoader(pictures, batch_size=settings.batch_size, shuffle=True)
    betas = (settings.beta1, settings.beta2)
    generator_optimiser = torch.optim.Adam(generator.parameters(), lr=settings.learning_rate, betas=betas)
    critic_optimiser = torch.optim.Adam(critic.parameters(), lr=settings.learning_rate, betas=betas)
    losses, steps = Losses(), 0
    for _ in range(num_epochs(settings, len(loader))):
        for real, labels in loader:
            real, labels = real.to(device), labels.to(device)
            # Not detached, so that the generator is differentiated too: as the widely copied script has it.
            fake = generator(torch.randn(len(real), settings.latent_size, device=device), labels)
            critic_optimiser.zero_grad()
            loss = critic(fake, labels).logits.mean() - critic(real, labels).logits.mean()
            loss = loss + settings.weights["gradient_penalty"] * _penalty(critic, real, fake.detach(), labels)
            loss.backward()
            critic_optimiser.step()
            losses.discriminator += loss.item()

            steps += 1
            if steps % settings.discriminator_steps == 0:
                generator_optimiser.zero_grad()
                fake = generator(torch.randn(len(real), settings.latent_size, device=device), labels)
                loss = -critic(fake, labels).logits.mean()
                loss.backward()
                generator_optimiser.step()
                losses.generator += loss.item()
    return losses


def _penalty(critic: nn.Module, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    points = (share * real + (1 - share) * fake).requires_grad_(True)
    logits = critic(points, labels).logits
    (gradient,) = torch.autograd.grad(logits, points, grad_outputs=torch.ones_like(logits), create_graph=True)
    penalty: Tensor = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
    return penalty


def train_classifier(
    network: nn.Module,
    pictures: Pictures,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    class_weights: Tensor | None = None,
) -> float:
    """A classifier with cross-entropy and Adam, epoch after epoch up to so many steps; the sum of its losses."""
    loader = DataLoader(pictures, batch_size=batch_size, shuffle=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    total = 0.0
    for images, labels in islice(_endless(loader), steps):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(images), labels, weight=class_weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.item()
    return total


def _endless(loader: DataLoader[tuple[Tensor, int]]) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader
