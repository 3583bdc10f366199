"""Many photographs: time to the first trial, memory of driver and trial, and a GAN's batch, by the number of them.

`python -m benchmarks.size --photographs 1000 10000 100000 --pixels 64` makes files of 200 pixels (or more, if it
works on more) in a temporary folder, three classes of them, and for each number does what a study does before its
first trial, and then one trial of a conditional GAN of a few steps, in a Ray worker; above 64 pixels of one with
convolutions. Memory is what a process has beyond what it had when all was imported; shared memory, in which the
pool lies once for all trials of a machine, is named apart. What was measured is added to
benchmarks/results/size.json, and the table of all to docs/benchmarks.md.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import ray
import torch
from PIL import Image

from benchmarks.page import put_lines
from gan_study import Purpose, parse_trial, run_trial
from gan_study.study.run.data_checks import data_lines
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import TrainingData, parse_gan_settings
from gan_study.trainables.runtime.process import keep_freed_memory, use_threads
from gan_study.trainables.trial.config import TrialConfig
from gan_study.trainables.trial.data import load_data
from gan_study.trainables.trial.trainable import SharedImages, share

RESULTS = Path(__file__).parent / "results" / "size.json"
CLASSES, FILE_PIXELS, BATCHES = ("bird", "boat", "tree"), 200, 200
# Small and quick, as networks are not what is measured: a GAN, a classifier and the images of a batch. Dense ones
# of larger images would take more memory than the images.
NETWORKS = {False: ("cgan", "mlp", 64), True: ("acgan", "simple_cnn", 8)}
MOST_DENSE_PIXELS = 64
# A sum of so many plain patches of colour is a picture that looks like no other.
PATCHES = 8


def write_photographs(root: Path, number: int, side: int) -> None:
    """`number` JPEG files of `side` pixels below `root`, a folder for each class; no two of them look alike."""
    for name in CLASSES:
        (root / name).mkdir(parents=True)
    with ProcessPoolExecutor() as processes:
        list(processes.map(partial(_write, root, side), range(number), chunksize=256))


def _write(root: Path, side: int, number: int) -> None:
    random = np.random.default_rng(number)
    label = number % len(CLASSES)
    patches = random.integers(0, 256, (PATCHES, PATCHES, 3), dtype=np.uint8)
    patches[..., label] //= 2
    picture = Image.fromarray(patches).resize((side, side), Image.Resampling.BICUBIC)
    picture.save(root / CLASSES[label] / f"{number:06d}.jpg", quality=80)


def trial_of(root: Path, pixels: int) -> TrialConfig:
    """A trial of a conditional GAN that takes a few steps."""
    gan, classifier, batch_size = NETWORKS[pixels > MOST_DENSE_PIXELS]
    return parse_trial(
        {
            "seed": 1,
            "data": {"name": "imagefolder", "root": str(root), "image_size": pixels},
            "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["tree"]},
            "classifier": {"name": classifier, "epochs": 1, "batch_size": batch_size},
            "balancing": {"name": gan, "gan": {"generator_steps": 20, "batch_size": batch_size}},
            "evaluation": {"test": True},
        }
    )


def memory() -> dict[str, int]:
    """What this process has in memory, in bytes: of its own, and shared."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    own, shared = (int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))
    return {"own": own, "shared": shared}


@contextmanager
def peak_memory() -> Iterator[dict[str, int]]:
    """What this process has at most beyond what it has now; filled in at the end."""
    before, most, ended = memory(), {"own": 0, "shared": 0, "all": 0}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            now = {name: value - before[name] for name, value in memory().items()}
            now["all"] = now["own"] + now["shared"]
            most.update({name: max(value, most[name]) for name, value in now.items()})

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield most
    finally:
        ended.set()
        watching.join()


class _Worker:
    """Where a trial runs."""

    def __init__(self) -> None:
        use_threads(1)
        keep_freed_memory()
        # What every trial has imported and made.
        torch.nn.functional.conv2d(torch.zeros(8, 3, 64, 64), torch.zeros(8, 3, 3, 3)).sum()
        import imblearn.over_sampling  # noqa: F401

    def is_ready(self) -> bool:
        return True

    def trial(self, config: TrialConfig, images: SharedImages) -> Mapping[str, float]:
        began = time.perf_counter()
        with peak_memory() as most:
            *_, _ = run_trial(config, Purpose(phase="confirm"), device=torch.device("cpu"), source=images)
        return {
            "trial_seconds": time.perf_counter() - began,
            **{f"trial_{name}": each for name, each in most.items()},
        }

    def batch_seconds(self, config: TrialConfig, images: SharedImages) -> Mapping[str, float]:
        """Seconds of drawing a batch and of taking its images, by kind of GAN."""
        training = load_data(config, images, torch.device("cpu")).training
        found = {}
        for name in ("cgan", "dcgan"):
            variant = VARIANTS[name]
            settings = parse_gan_settings(variant, {"batch_size": 64, "generator_steps": 1}, where="gan")
            data = TrainingData(images=training.images, labels=training.labels, num_classes=len(CLASSES))
            trainer = GanTrainer(variant, settings, data, seed=0)
            trainer.real_images(next(trainer.batches))
            began = time.perf_counter()
            for _ in range(BATCHES):
                trainer.real_images(next(trainer.batches))
            kind = "conditional" if variant.conditional else "unconditional"
            found[f"{kind}_batch_seconds"] = (time.perf_counter() - began) / BATCHES
        return found


def measure(number: int, pixels: int) -> dict[str, float]:
    """What so many photographs take."""
    with tempfile.TemporaryDirectory(prefix="gan-study-size-") as folder:
        root = Path(folder) / "photographs"
        write_photographs(root, number, max(FILE_PIXELS, pixels))
        config = trial_of(root, pixels)
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        worker = ray.remote(num_cpus=1)(_Worker).remote()
        ray.get(worker.is_ready.remote())
        began = time.perf_counter()
        with peak_memory() as most:
            source = image_source(config.data)
            pool = source.pool().images
            read = time.perf_counter() - began
            list(data_lines(config.data, config.imbalance))
            images = share(source)
        found = {
            "photographs": number,
            "pixels": pixels,
            "pool_bytes": int(np.prod(pool.images.shape)),
            "reading_seconds": read,
            "seconds_to_first_trial": time.perf_counter() - began,
            **{f"driver_{name}": each for name, each in most.items()},
        }
        found |= ray.get(worker.trial.remote(config, images))
        found |= ray.get(worker.batch_seconds.remote(config, images))
        ray.shutdown()
    return found


def table(found: Sequence[Mapping[str, float]]) -> list[str]:
    """Lines of a Markdown table."""

    def times(row: Mapping[str, float], name: str) -> str:
        return f"{row[name] / 2**20:,.0f} ({row[name] / row['pool_bytes']:.2f})"

    lines = [
        "| photographs | pool, MiB | to the first trial, s | driver, MiB (times the pool) | trial: own "
        "| trial: shared | batch of a conditional GAN, ms | of another, ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(found, key=lambda each: (each["pixels"], each["photographs"])):
        lines.append(
            f"| {row['photographs']:,} at {row['pixels']} | {row['pool_bytes'] / 2**20:,.0f} "
            f"| {row['seconds_to_first_trial']:.1f} | {times(row, 'driver_all')} | {times(row, 'trial_own')} "
            f"| {times(row, 'trial_shared')} | {1000 * row['conditional_batch_seconds']:.2f} "
            f"| {1000 * row['unconditional_batch_seconds']:.2f} |"
        )
    return lines


def main() -> None:
    """Measures, adds to what was measured before and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--pixels", type=int, default=64)
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    os.environ["RAY_AUTH_MODE"] = "disabled"
    known = json.loads(arguments.to.read_text(encoding="utf-8")) if arguments.to.exists() else []
    for number in arguments.photographs:
        found = measure(number, arguments.pixels)
        known = [
            row for row in known if (row["photographs"], row["pixels"]) != (found["photographs"], found["pixels"])
        ]
        known.append(found)
        print(json.dumps(found), flush=True)
        arguments.to.parent.mkdir(exist_ok=True)
        arguments.to.write_text(json.dumps(known, indent=1), encoding="utf-8")
    if arguments.to == RESULTS:
        put_lines("benchmarks.md", "size", table(known))
    print("\n".join(table(known)))


if __name__ == "__main__":
    main()
