"""Latents of a class: standard normal ones, transformed into the Gaussian of the class."""

import torch
from torch import Tensor, nn


class ClassGaussians(nn.Module):
    """`body` with latents [N, L] from a Gaussian for each class, computed from standard normal ones.

    Mean [K, L] and factor [K, L, L] of the covariances are buffers: they are fitted once, and not trained
    (Mariani et al. 2018, section 3).
    """

    means: Tensor
    factors: Tensor

    def __init__(self, body: nn.Module, *, num_classes: int, latent_size: int) -> None:
        super().__init__()
        self.body = body
        # Until they are fitted, the classes lie apart by chance.
        self.register_buffer("means", torch.randn(num_classes, latent_size))
        self.register_buffer("factors", torch.eye(latent_size).repeat(num_classes, 1, 1))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """The output of `body` for the latents [N, L], transformed into the classes of `labels` [N]."""
        stretched = (self.factors[labels] @ latents.unsqueeze(2)).squeeze(2)
        images: Tensor = self.body(self.means[labels] + stretched)
        return images

    def fit(self, encodings: Tensor, labels: Tensor) -> None:
        """Fits mean and covariance of each class to encodings [M, L] of images with `labels` [M].

        A class without an image gets those of all images.
        """
        for label in range(len(self.means)):
            of_class = encodings[labels == label]
            points = of_class if len(of_class) else encodings
            self.means[label] = points.mean(dim=0)
            self.factors[label] = covariance_factor(points)


def covariance_factor(points: Tensor) -> Tensor:
    """F [L, L] such that F F^T is the covariance of `points` [n, L], n - 1 degrees of freedom; 0 for one point.

    From the QR decomposition of the centred points, X = Q R: X^T X = R^T R. Unlike Cholesky's it exists even with
    fewer points than dimensions.
    """
    num_points, size = points.shape
    centred = (points - points.mean(dim=0)) / max(num_points - 1, 1) ** 0.5
    triangle = torch.linalg.qr(centred, mode="r").R
    factor = points.new_zeros(size, size)
    factor[:, : len(triangle)] = triangle.T
    return factor
