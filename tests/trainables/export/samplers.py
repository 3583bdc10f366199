"""Samplers that are quick, and images for them."""

import numpy as np

from gan_study.trainables.export.over_sampler import ImageOverSampler
from gan_study.trainables.gans.catalog import VARIANTS

SMALL_GAN = {"gan": {"epochs": 1, "batch_size": 8, "latent_size": 4}}


def settings_of(method):
    if method == "flow_matching":
        return {"flow": {"epochs": 1, "batch_size": 8}}
    if method == "deep_smote":
        return {"autoencoder": {"epochs": 1, "batch_size": 8}}
    if method not in VARIANTS:
        return {}
    warm_start = {"warm_start_epochs": 1} if VARIANTS[method].warm_start else {}
    return {"gan": {**SMALL_GAN["gan"], **warm_start}}


def sampler_of(method, **arguments):
    return ImageOverSampler(method, settings=settings_of(method), random_state=0, device="cpu", **arguments)


def images_and_classes(dtype=np.uint8, *, channels=1):
    """10, 4 and 3 images of 8x8 of three classes with names."""
    y = np.array(["cat"] * 4 + ["ant"] * 10 + ["dog"] * 3)
    X = np.random.default_rng(0).integers(0, 256, (len(y), channels, 8, 8))
    return (X if np.issubdtype(dtype, np.integer) else X / 255).astype(dtype), y
