"""How fast GANs are trained on a GPU: `python -m benchmarks.gpu`.

Of this package it takes only what knows no Ray, and needs torch, torchvision, numpy and pydantic. The ways to
train, each on as many images a GAN, in images a second of all GANs together:

- plain: the loop of benchmarks/reference.py with torch's own layers, its images sent to the device batch by batch;
- unfused: our loop, one operation after the other, with torch's default Adam;
- eager: our loop, one operation after the other, with the fused Adam;
- graph: our loop, its steps replayed from CUDA graphs;
- stacked K: K GANs side by side, on a GPU from CUDA graphs;
- processes P: P processes on one device, each with one GAN trained the best way for one.

The networks are those of benchmarks/architectures.py. A way's first run warms up; a run is a whole training, with
its set-up and, where there is one, the recording of its graphs. The busy share is that of the time in which the
device works on anything, from torch.profiler in a run of its own.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Barrier
from time import perf_counter, time
from typing import TypeAlias
from unittest.mock import patch

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import reference
from benchmarks.architectures import ARCHITECTURES
from benchmarks.reference import Pictures, with_torchs_layers, with_torchs_order
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.batched.cuda_graphs import CUDA_GRAPHS, Recorder, train_recorded_gan
from gan_study.trainables.gans.batched.stacked import train_gans
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

RESULTS = Path(__file__).parent / "results" / "gpu.json"


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is trained, and how often."""

    images: int = 1024
    pixels: int = 28
    batch: int = 64
    epochs: int = 30
    rounds: int = 3
    stacks: tuple[int, ...] = (1, 4, 16, 64)
    processes: tuple[int, ...] = (2, 4, 8)


TINY = Size(images=16, pixels=8, batch=8, epochs=1, rounds=1, stacks=(1, 2), processes=(2,))


@dataclass(frozen=True, kw_only=True)
class Job:
    """A GAN to train, by name, so that it can be sent to another process."""

    variant: str
    size: Size
    precision: str
    device: str

    @property
    def gan(self) -> GanVariant:
        """The GAN itself."""
        return ARCHITECTURES[self.variant]

    @property
    def settings(self) -> GanSettings:
        """The variant's own, for the job's batches and epochs."""
        given = {"epochs": self.size.epochs, "batch_size": self.size.batch, "precision": self.precision}
        return parse_gan_settings(self.gan, given, where="gan")

    @property
    def recorder(self) -> Recorder | None:
        """What records steps on the device, where that is quicker than to execute them one by one."""
        return CUDA_GRAPHS if torch.device(self.device).type == "cuda" else None

    def pixels(self) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        """Noise [N, H, W]: what is in the pictures costs no time."""
        shape = (self.size.images, self.size.pixels, self.size.pixels)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def data(self) -> TrainingData:
        """The same pictures as a GAN takes them, on the device."""
        images = torch.as_tensor(self.pixels())[:, None].float() / 127.5 - 1
        labels = torch.zeros(len(images), dtype=torch.int64)
        return TrainingData(images=images.to(self.device), labels=labels.to(self.device), num_classes=1)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way to train: images a second of all its GANs in each round, and the device's busy share (of 1)."""

    variant: str
    way: str
    num_gans: int
    images_per_second: tuple[float, ...]
    busy_share: float | None


# Trains all its GANs once.
Run: TypeAlias = Callable[[], object]


def train_plainly(job: Job) -> None:
    """As a script does."""
    settings, shape = job.settings, ImageShape(size=job.size.pixels, channels=1)
    networks = job.gan.networks(shape, settings.latent_size, 1)
    generator, discriminator = (
        with_torchs_order(with_torchs_layers(network)).to(job.device)
        for network in (networks.generator, networks.discriminator)
    )
    pictures = Pictures(job.pixels(), np.zeros(job.size.images, dtype=np.int64))
    train = reference.train_wgan_gp if settings.weights else reference.train_gan
    train(generator, discriminator, settings, pictures, job.device)


def train_one(job: Job, recorder: Recorder | None) -> None:
    """One GAN as a trial does."""
    steps = job.settings.num_generator_steps(job.size.images)
    (last,) = train_recorded_gan(job.gan, job.settings, job.data(), seed=0, at=[steps], recorder=recorder)
    assert last.generator_steps == steps


def train_unfused(job: Job) -> None:
    """One GAN with torch's default Adam."""
    fused = torch.optim.Adam

    def plain(weights: Sequence[torch.Tensor], **options: object) -> torch.optim.Optimizer:
        return fused(weights, **{**options, "fused": None, "capturable": False})  # type: ignore[arg-type]

    with patch.object(torch.optim, "Adam", plain):
        train_one(job, None)


def train_stacked(job: Job, number: int) -> None:
    """Several GANs as one computation."""
    data, steps = job.data(), job.settings.num_generator_steps(job.size.images)
    (last,) = train_gans(
        job.gan, job.settings, [data] * number, seeds=range(number), at=[steps], recorder=job.recorder
    )
    assert not any(isinstance(outcome, DivergedError) for outcome in last)


def ways(job: Job) -> dict[str, tuple[int, Run]]:
    """Ways to train in one process, each with the number of its GANs."""
    alone: dict[str, tuple[int, Run]] = {
        "plain": (1, partial(train_plainly, job)),
        "unfused": (1, partial(train_unfused, job)),
        "eager": (1, partial(train_one, job, None)),
    }
    if job.recorder is not None:
        alone["graph"] = (1, partial(train_one, job, job.recorder))
    return alone | {
        f"stacked {number}": (number, partial(train_stacked, job, number)) for number in job.size.stacks
    }


def measure(job: Job) -> Iterator[Measured]:
    """Every way to train the job's variant; in each round all ways of one process have their turn."""
    runs = ways(job)
    seconds: dict[str, list[float]] = {way: [] for way in runs}
    for round_number in range(job.size.rounds + 1):
        for way, (_, run) in runs.items():
            taken = _seconds(job, run)
            if round_number > 0:
                seconds[way].append(taken)
    for way, (number, run) in runs.items():
        yield _measured(job, way, number, seconds[way], busy_share=_busy_share(job, run))
    for number in job.size.processes:
        _, *timed = trained_together(job, number)
        seconds_of_all = [max(span.end for span in spans) - min(span.start for span in spans) for spans in timed]
        yield _measured(job, f"processes {number}", number, seconds_of_all, busy_share=None)


def _measured(job: Job, way: str, number: int, seconds: Sequence[float], *, busy_share: float | None) -> Measured:
    images = number * job.size.images * job.size.epochs
    return Measured(
        variant=job.variant,
        way=way,
        num_gans=number,
        images_per_second=tuple(images / each for each in seconds),
        busy_share=busy_share,
    )


def _seconds(job: Job, run: Run) -> float:
    started = perf_counter()
    run()
    _wait(job)
    return perf_counter() - started


def _wait(job: Job) -> None:
    if torch.device(job.device).type == "cuda":
        torch.cuda.synchronize()


def _busy_share(job: Job, run: Run) -> float | None:
    """The share of a run in which the device worked on something; None of a CPU, which always does."""
    if torch.device(job.device).type != "cuda":
        return None
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        seconds = _seconds(job, run)
    # Kernels of a graph may overlap, and time counts once.
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in profiler.events()
        if event.device_type.name == "CUDA"
    )
    return covered(spans) / 1e6 / seconds


def covered(spans: Sequence[tuple[float, float]]) -> float:
    """The length of what sorted `spans` (start, end) cover, overlaps counted once."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


@dataclass(frozen=True, kw_only=True)
class Span:
    """When a training in the process of that id started and ended, in seconds of the machine's clock."""

    process: int
    start: float
    end: float


def trained_together(job: Job, number: int) -> list[list[Span]]:
    """The trainings of each round, one in each of `number` processes; the first round warms all of them up."""
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(number, mp_context=context) as executor:
        start_line = manager.Barrier(number)
        return [
            list(executor.map(train_from, [job] * number, [start_line] * number))
            for _ in range(job.size.rounds + 1)
        ]


def train_from(job: Job, start_line: Barrier) -> Span:
    """A training in this process, once all others have come to `start_line`: none can take another's turn."""
    _use_one_thread()
    start_line.wait()
    start = time()
    train_one(job, job.recorder)
    _wait(job)
    return Span(process=os.getpid(), start=start, end=time())


def _use_one_thread() -> None:
    # torch alone computes here; for other libraries see trainables/runtime/process.py, which needs threadpoolctl.
    torch.set_num_threads(1)


def table(measured: Sequence[Measured]) -> str:
    """Images a second, medians over rounds with the slowest and the fastest, and the gain over the plain loop."""
    plain = {each.variant: median(each.images_per_second) for each in measured if each.way == "plain"}
    lines = [
        "| GAN | way | images/s, all GANs | x plain | device busy |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in measured:
        rates = each.images_per_second
        busy = "not known" if each.busy_share is None else f"{each.busy_share:.0%}"
        lines.append(
            f"| {each.variant} | {each.way} | {median(rates):,.0f} [{min(rates):,.0f}, {max(rates):,.0f}] | "
            f"{median(rates) / plain[each.variant]:.2f} | {busy} |"
        )
    return "\n".join(lines)


def device_name(device: str) -> str:
    """What the device calls itself."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else "CPU"


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the table and writes the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="How fast GANs are trained.")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the benchmark itself")
    parser.add_argument("--variants", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16"), default="float32")
    parser.add_argument("--tiny", action="store_true", help="a few images: whether it runs at all")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    if torch.device(given.device).index:
        # CUDA graphs record what the current GPU does, which is the first.
        parser.error(f"--device is cuda, cuda:0 or cpu, not {given.device}; CUDA_VISIBLE_DEVICES chooses the GPU")
    if torch.device(given.device).type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here; --device cpu --tiny tries the benchmark itself")
    _use_one_thread()
    size = TINY if given.tiny else Size()
    jobs = [
        Job(variant=name, size=size, precision=given.precision, device=given.device) for name in given.variants
    ]
    measured = list(chain.from_iterable(measure(job) for job in jobs))
    print(f"{device_name(given.device)}, torch {torch.__version__}, {given.precision}\n\n{table(measured)}")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "device": device_name(given.device),
        "torch": torch.__version__,
        "precision": given.precision,
        "size": asdict(size),
        "measured": [asdict(each) for each in measured],
    }
    given.out.write_text(json.dumps(contents, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
