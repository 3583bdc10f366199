"""The probe of `gan_precision: auto` for all GANs: how much faster bf16 is on a CPU, and how far off.

`python -m benchmarks.precision` compares every variant with its own settings on scikit-learn's digits, at 28
pixels and, if it has convolutions, at 64; the GANs of one class learn threes. A comparison that is done is kept in
benchmarks/results, so that it may be stopped and run again; `--write` puts the table into docs/benchmarks.md.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from benchmarks.page import put_lines
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.precision_probe import Comparison, compare_precisions
from gan_study.trainables.gans.trainer import draw_networks
from gan_study.trainables.gans.variant import GanVariant, TrainingData
from gan_study.trainables.runtime.matrix_products import choose_library

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


def measured(name: str, size: int) -> Comparison | None:
    """What is kept of an earlier comparison."""
    path = _path(name, size)
    return Comparison(**json.loads(path.read_text())) if path.exists() else None


def table() -> Iterator[str]:
    """A line for each variant that was measured."""
    yield "| variant | pixels | times as fast | error after a step | after eight | decision |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for name in VARIANTS:
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
    parser.add_argument("variants", nargs="*", choices=[[], *VARIANTS], help="all, if none is named")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--seconds", type=float, default=5.0, help="for each comparison")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    choose_library()
    RESULTS.mkdir(parents=True, exist_ok=True)
    given = options.variants or tuple(VARIANTS)
    for size in options.sizes:
        for name in given:
            variant = VARIANTS[name]
            if measured(name, size) is None and (size == SIZES[0] or has_convolutions(variant)):
                found = compare_precisions(
                    variant, variant.defaults, training_data(variant, size), seconds=options.seconds
                )
                _path(name, size).write_text(json.dumps(asdict(found)))
                print(f"{name} at {size} pixels: {found}", flush=True)
    print("\n".join(table()))
    if options.write:
        put_lines("benchmarks.md", "precision", list(table()))


if __name__ == "__main__":
    main()
