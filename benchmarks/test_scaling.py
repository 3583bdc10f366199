"""How a training's speed and memory go with the number of images, and with the number of processes beside it."""

import os
import resource
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.test_training import GANS, NUM_CLASSES, as_in_a_trial, gan_settings, images
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import TrainingData

ROUNDS = 5
GAN = "vanilla_gan"
NUM_IMAGES = (256, 1024, 4096, 16384)
NUM_PROCESSES = tuple(2**power for power in range(6) if 2**power <= (os.cpu_count() or 1))


def train(number: int) -> None:
    """One epoch on so many images."""
    training: TrainingSet = images(number).training
    data = TrainingData(images=training.images, labels=training.labels, num_classes=NUM_CLASSES)
    settings = gan_settings(GAN)
    list(train_gan(GANS[GAN], settings, data, seed=0, at=[settings.num_generator_steps(number)]))


def peak_mebibytes(number: int) -> float:
    """The largest resident size of the process that this is called in, once it has trained on so many images."""
    as_in_a_trial()
    train(number)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def executor_of(processes: int) -> ProcessPoolExecutor:
    """New processes, each set up as a trial's."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=as_in_a_trial)


@pytest.mark.parametrize("number", NUM_IMAGES)
def test_images(benchmark: BenchmarkFixture, number: int) -> None:
    """One epoch on so many images, and the memory of a process that does nothing else."""
    as_in_a_trial()
    benchmark.pedantic(train, args=(number,), rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["images"] = number
    with executor_of(1) as executor:
        benchmark.extra_info["peak_mebibytes"] = executor.submit(peak_mebibytes, number).result()


def train_in_each(executor: Executor, processes: int) -> None:
    """The same training in every process at once."""
    list(executor.map(train, [4096] * processes))


@pytest.mark.parametrize("processes", NUM_PROCESSES)
def test_processes(benchmark: BenchmarkFixture, processes: int) -> None:
    """One epoch in so many processes at once, each on one thread."""
    with executor_of(processes) as executor:
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            train_in_each, args=(executor, processes), rounds=ROUNDS, warmup_rounds=1
        )
    benchmark.extra_info["images"] = 4096 * processes
