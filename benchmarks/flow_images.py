"""After how many steps the images of flow matching can be recognised.

`python -m benchmarks.flow_images --root DIR --out OUT` trains `flow_matching` with its defaults on 500 images of
each class of Fashion-MNIST. After each of MARKS it prints the seconds so far and writes eight images a class,
always from the same latents, as `OUT/flow-STEPS.png`: a row for each class.
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch
from PIL import Image

from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.flow.training import FlowSettings, train_flow
from gan_study.trainables.gans.variant import TrainingData

MARKS = (100, 250, 500, 1000, 2000, 3000)
EACH, SHOWN, SEED = 500, 8, 1


def first_images(root: Path, each: int) -> TrainingData:
    """The first `each` images of every class."""
    loaded = image_source(DataConfig(name="fashion_mnist", root=str(root))).pool().images
    labels = np.asarray(loaded.labels)
    rows = np.concatenate([np.flatnonzero(labels == label)[:each] for label in np.unique(labels)])
    images = torch.from_numpy(np.asarray(loaded.images)[rows]).float() / 127.5 - 1
    return TrainingData(images=images, labels=torch.from_numpy(labels[rows]), num_classes=len(loaded.class_names))


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder of Fashion-MNIST")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the pictures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    data = first_images(options.root, EACH)
    shown = torch.arange(data.num_classes).repeat_interleave(SHOWN)
    seconds, started = 0.0, process_time()
    for state in train_flow(FlowSettings(), data, seed=SEED, at=MARKS):
        seconds += process_time() - started
        started = process_time()
        images = to_bytes(state.sample(shown, seed=SEED))
        sampling = process_time() - started
        rows = images.reshape(data.num_classes, SHOWN, *images.shape[2:]).transpose(0, 2, 1, 3)
        size = images.shape[-1]
        Image.fromarray(rows.reshape(data.num_classes * size, SHOWN * size)).save(
            options.out / f"flow-{state.generator_steps}.png"
        )
        print(
            f"{state.generator_steps} steps: {seconds:.0f} s of one core; loss {state.losses[-1].generator:.3f}; "
            f"{1000 * sampling / len(images):.0f} ms an image",
            flush=True,
        )
        started = process_time()


if __name__ == "__main__":
    main()
