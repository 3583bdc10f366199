"""The pictures and points that trials leave, planted as a trial writes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.image_quality.class_quality import ImageSample
from gan_study.trainables.image_quality.nearest import pairs, points
from gan_study.trainables.record import TrialRecord
from gan_study.trainables.trial.artifacts import growth_strip, map_file, nearest_panel
from tests.analysis.planted import CLASS_NAMES, MINORITY

EPOCHS = (1, 2, 4, 5)
SIZE, CHANNELS = 8, 3


def with_pictures(folder: Path, record: TrialRecord) -> TrialRecord:
    """`record` with a growth, pairs and the points of a map: of noise, and of the same noise a little darker."""
    random = np.random.default_rng(record.seed)
    real = random.uniform(-1, 1, (20, CHANNELS, SIZE, SIZE))
    made = 0.9 * real[:12]
    contents = {
        "growth": ("png", _growth(real)),
        "nearest": (
            "png",
            nearest_panel(
                {CLASS_NAMES[label]: pairs(_sample(made), _sample(real), features="domain") for label in MINORITY}
            ),
        ),
        "map": (
            "npz",
            map_file(points({label: (_sample(made + label), _sample(real + label)) for label in MINORITY})),
        ),
    }
    paths = {}
    for kind, (suffix, content) in contents.items():
        assert content is not None
        paths[kind] = f"artifacts/{record.trial_id}/{kind}.{suffix}"
        (folder / paths[kind]).parent.mkdir(parents=True, exist_ok=True)
        (folder / paths[kind]).write_bytes(content)
    return replace(record, artifacts={**record.artifacts, **paths})


def _growth(real: np.ndarray) -> bytes | None:
    images = torch.from_numpy(np.tile(real, (3, 1, 1, 1))).float()
    labels = torch.arange(3).repeat_interleave(len(real))
    training = TrainingSet(
        images=images,
        labels=labels,
        weights=torch.ones(len(labels)),
        synthetic=torch.zeros(len(labels), dtype=torch.bool),
        classes=Classes(names=CLASS_NAMES, minority=MINORITY),
    )
    shade = {epoch: torch.full((4, CHANNELS, SIZE, SIZE), 40 * epoch, dtype=torch.uint8) for epoch in EPOCHS}
    return growth_strip(training, dict.fromkeys(MINORITY, shade))


def _sample(images: np.ndarray) -> ImageSample:
    return ImageSample(images=images, features=images.reshape(len(images), -1))
