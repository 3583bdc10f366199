"""After how many steps the images of a generator can be recognised.

`python -m benchmarks.generator_images NAME --root DIR --out OUT` trains the balancer NAME (`flow_matching`,
`deep_smote` or a GAN) with its defaults on `--each` images of every class of Fashion-MNIST, of the classes in
`--rare` on `--few`. After each of MARKS it prints the seconds so far and writes eight images a class, always from
the same latents, as `OUT/NAME-STEPS.png`: a row for each class.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
from PIL import Image

from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.training import train_generator
from gan_study.trainables.gans.variant import TrainingData

MARKS = (100, 250, 500, 1000, 2000, 3000)
SHOWN, SEED = 8, 1


def first_images(root: Path, *, each: int, few: int, rare: tuple[int, ...]) -> TrainingData:
    """The first `each` images of every class, of the `rare` ones the first `few`."""
    loaded = image_source(DataConfig(name="fashion_mnist", root=str(root))).pool().images
    labels = np.asarray(loaded.labels)
    rows = np.concatenate(
        [np.flatnonzero(labels == label)[: few if label in rare else each] for label in np.unique(labels)]
    )
    images = torch.from_numpy(np.asarray(loaded.images)[rows]).float() / 127.5 - 1
    return TrainingData(images=images, labels=torch.from_numpy(labels[rows]), num_classes=len(loaded.class_names))


def generators_data(balancer: GeneratorBalancing, data: TrainingData) -> Iterator[TrainingData]:
    """What each generator of `balancer` is trained on: all classes, or one class each."""
    if balancer.knows_classes:
        yield data
        return
    for label in range(data.num_classes):
        is_own = data.labels == label
        yield replace(data, images=data.images[is_own], labels=data.labels[is_own])


def main() -> None:
    """Train, print and write."""
    names = [name for name, entry in BALANCERS.items() if entry.trains_generator]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("balancer", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--root", type=Path, required=True, help="the folder of Fashion-MNIST")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the pictures")
    parser.add_argument("--each", type=int, default=500, help="images of a class")
    parser.add_argument("--few", type=int, default=26, help="images of a rare class")
    parser.add_argument("--rare", type=int, nargs="*", default=(), help="the rare classes; none by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    balancer = parse_balancing({"name": options.balancer}).balancer
    assert isinstance(balancer, GeneratorBalancing), "only these train generators"
    data = first_images(options.root, each=options.each, few=options.few, rare=tuple(options.rare))
    trainings = [
        train_generator(balancer.trainer(own, seed=SEED), balancer.length, at=MARKS)
        for own in generators_data(balancer, data)
    ]
    shown = torch.arange(data.num_classes).repeat_interleave(SHOWN)
    of_each = torch.split(shown, len(shown) // len(trainings))
    seconds, started = 0.0, process_time()
    for states in zip(*trainings, strict=True):
        seconds += process_time() - started
        started = process_time()
        made = [state.sample(labels, seed=SEED) for state, labels in zip(states, of_each, strict=True)]
        sampling = process_time() - started
        images = to_bytes(torch.cat(made))
        rows = images.reshape(data.num_classes, SHOWN, *images.shape[2:]).transpose(0, 2, 1, 3)
        size = images.shape[-1]
        Image.fromarray(rows.reshape(data.num_classes * size, SHOWN * size)).save(
            options.out / f"{options.balancer}-{states[0].generator_steps}.png"
        )
        loss = np.mean([state.losses[-1].generator for state in states])
        print(
            f"{states[0].generator_steps} steps: {seconds:.0f} s of one core; loss {loss:.3f}; "
            f"{1000 * sampling / len(images):.0f} ms an image",
            flush=True,
        )
        started = process_time()


if __name__ == "__main__":
    main()
