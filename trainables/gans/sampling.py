"""Images from a trained generator."""

import torch
from torch import Tensor, nn

from gan_study.trainables.base.seeding import torch_generator

# Large enough that a batch costs more than its launch, small enough for the activations of 64x64 images.
SAMPLING_BATCH = 512


@torch.no_grad()
def sample(
    generator: nn.Module, labels: Tensor, latent_size: int, *, seed: int, batch: int = SAMPLING_BATCH
) -> Tensor:
    """One image for each of `labels` [N], as [N, C, H, W] in [-1, 1] on their device, `batch` at a time.

    In the precision of its weights, and in evaluation mode, so that no image depends on its neighbours; the mode
    is restored, so that training goes on as if nothing had been asked. Equal seeds give equal latents, whatever
    the batch.
    """
    random = torch_generator(seed, "latents", device=labels.device)
    latents = torch.randn(len(labels), latent_size, generator=random, device=labels.device)
    latents = latents.to(next((weight.dtype for weight in generator.parameters()), latents.dtype))
    was_training = generator.training
    generator.eval()
    images = [
        generator(z, y) for z, y in zip(torch.split(latents, batch), torch.split(labels, batch), strict=True)
    ]
    generator.train(was_training)
    return torch.cat(images)
