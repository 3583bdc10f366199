"""A small folder of real images, and the trial that balances it."""

import hashlib

import numpy as np
from PIL import Image

from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.export.findings import OVERRULED_BY
from gan_study.trainables.trial.config import parse_trial

# A GAN of eight steps makes one grey image.
ANYTHING = frozenset(OVERRULED_BY)
COUNTS = {"Cat": 24, "dog": 20, "lynx": 8}


def write_images(folder, counts=COUNTS):
    """Blobs of noise, grey and coloured, of mixed sizes and formats; a class is where its blob is."""
    random = np.random.default_rng(0)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name / "inner").mkdir(parents=True)
        for i in range(count):
            height, width = random.integers(16, 30, 2)
            pixels = random.integers(0, 120, (height, width, 3) if i % 3 else (height, width), dtype=np.uint8)
            pixels[label * 5 : label * 5 + 6] += 130
            place = folder / name / "inner" if i == 0 else folder / name
            Image.fromarray(pixels).save(place / f"{i:02d}.{'JPG' if i % 2 else 'png'}")


def trial(root, **changes):
    return parse_trial(
        {
            "seed": 1,
            "data": {"name": "imagefolder", "root": str(root), "image_size": 8},
            "imbalance": {"profile": "natural"},
            "classifier": {"epochs": 3, "batch_size": 16},
            "balancing": {"name": "dcgan", "gan": {"generator_steps": 8, "batch_size": 4, "latent_size": 8}},
            **changes,
        }
    )


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def begun(request_):
    """What lies in a folder whose export was cut off."""
    return request_.to_bytes(take_fingerprint(request_.config.data).digest, made_on="2026-11-30")
