"""The probe of `gan_precision: auto` and `classifier_precision: auto`: how much faster bf16 is, and how far off.

`python -m benchmarks.precision` compares every GAN with its own settings, and every classifier with the default
ones, on scikit-learn's digits: at 28 pixels, and GANs with convolutions at 64 too; the GANs of one class learn
threes. A comparison that is done is kept in benchmarks/results, so that it may be stopped and run again; `--write`
puts the tables into docs/benchmarks.md.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from benchmarks.page import put_lines
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.probe import trials_of_one_setting
from gan_study.trainables.base.precision_probe import Comparison
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.precision_probe import compare_classifiers
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.precision_probe import compare_precisions
from gan_study.trainables.gans.trainer import draw_networks
from gan_study.trainables.gans.variant import GanVariant, TrainingData
from gan_study.trainables.runtime.matrix_products import choose_library
from gan_study.trainables.trial.data import load_data

RESULTS = Path(__file__).parent / "results" / "precision"
SIZES = (28, 64)
THREE = 3


def training_data(variant: GanVariant, size: int) -> TrainingData:
    """Digits of `size` pixels: all of them for a conditional variant, the threes for any other."""
    pool = image_source(DataConfig(name="digits", image_size=size)).pool().images
    pictures, labels = torch.as_tensor(pool.images[:]), torch.as_tensor(pool.labels)
    images = pictures.float() / 127.5 - 1
    chosen = torch.ones_like(labels, dtype=torch.bool) if variant.conditional else labels == THREE
    return TrainingData(images=images[chosen], labels=labels[chosen], num_classes=10)


def has_convolutions(variant: GanVariant) -> bool:
    """Whether a network of the variant has a convolution."""
    networks = draw_networks(variant, variant.defaults, training_data(variant, SIZES[0]), seed=0)
    modules = (*networks.generator.modules(), *networks.discriminator.modules())
    return any(isinstance(each, nn.Conv2d | nn.ConvTranspose2d) for each in modules)


def digits(size: int) -> TrainingSet:
    """The training set of the quickstart's digits, of `size` pixels."""
    config = trials_of_one_setting(study_config("quickstart", [f"data.image_size={size}"]))[0].config
    return load_data(config, image_source(config.data), torch.device("cpu")).training


def compare(name: str, size: int, *, seconds: float) -> Comparison:
    """The comparison for a GAN or a classifier at `size` pixels."""
    if name in CLASSIFIERS:
        return compare_classifiers(ClassifierConfig(name=name), digits(size), seconds=seconds)
    variant = VARIANTS[name]
    return compare_precisions(variant, variant.defaults, training_data(variant, size), seconds=seconds)


def measured(name: str, size: int) -> Comparison | None:
    """What is kept of an earlier comparison."""
    path = _path(name, size)
    return Comparison(**json.loads(path.read_text())) if path.exists() else None


def table(names: Iterable[str], kind: str) -> Iterator[str]:
    """A line for each of `names` that was measured."""
    yield f"| {kind} | pixels | times as fast | error after a step | after eight | decision |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for name in names:
        for size in SIZES:
            found = measured(name, size)
            if found is not None:
                yield (
                    f"| `{name}` | {size} | {found.speedup:.2f} | {found.step_error:.3f} | {found.run_error:.3f} |"
                    f" {found.precision} |"
                )


def _path(name: str, size: int) -> Path:
    return RESULTS / f"{name}-{size}.json"


def main() -> None:
    """Measure what is missing, and write the table if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *VARIANTS, *CLASSIFIERS], help="all, if none is named")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--seconds", type=float, default=5.0, help="for each comparison")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    choose_library()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for size in options.sizes:
        for name in options.names or (*VARIANTS, *CLASSIFIERS):
            is_wanted = size == SIZES[0] or (name in VARIANTS and has_convolutions(VARIANTS[name]))
            if measured(name, size) is None and is_wanted:
                found = compare(name, size, seconds=options.seconds)
                _path(name, size).write_text(json.dumps(asdict(found)))
                print(f"{name} at {size} pixels: {found}", flush=True)
    for mark, names in (("variant", VARIANTS), ("classifier", CLASSIFIERS)):
        lines = list(table(names, mark))
        print("\n".join(lines))
        if options.write and any(measured(name, size) for name in names for size in SIZES):
            put_lines("benchmarks.md", f"precision of each {mark}", lines)


if __name__ == "__main__":
    main()
