"""How many operations a GAN's step asks of a GPU, counted without one: `python -m benchmarks.launches [--write]`.

On a pretended GPU (benchmarks/pretended_gpu.py) operations are counted, and how often Python waits. To ask for one
takes a CPU some microseconds, whatever it computes: with the floating point operations, counted by torch's own
formulae, this says what bounds a step. `--write` puts the table into docs/benchmarks.md. Nothing here is a
measurement of a GPU.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.architectures import ARCHITECTURES
from benchmarks.gpu import Job, Size, train_plainly
from benchmarks.machine import CountedOperations
from benchmarks.page import put_lines
from benchmarks.pretended_gpu import PretendedGpu
from gan_study.trainables.gans.batched.stacked import StackedTrainer
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import GanVariant

# What it takes to ask a GPU for a kernel, as is commonly reported of CUDA; eager PyTorch takes longer rather.
LAUNCH_SECONDS = 5e-6
# Single precision outside of the matrix units, of an H100 SXM (NVIDIA's data sheet). Small kernels do not reach
# it.
OPERATIONS_A_SECOND = 67e12

GANS: Mapping[str, GanVariant] = {
    **ARCHITECTURES,
    **{name: VARIANTS[name] for name in ("vanilla_gan", "dcgan", "wgan_gp", "acgan", "projection_sngan", "r3gan")},
}
STACKS = (1, 4, 16)
BATCH = 64
# Images a batch where operations are counted: their number does not depend on it.
FEW = 4
# Generator steps before the counted ones, and those: within one interval of losses, and without a snapshot.
BEFORE, COUNTED = 17, 8
# Epochs of the plain loop, of one batch each.
FIRST_EPOCHS, MORE_EPOCHS = 5, 5


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One way to train: per step of the generator, with those of the discriminator before it."""

    variant: str
    way: str
    num_gans: int
    launches: float
    """Operations that the device is asked for, of all GANs together."""
    waits: float
    """Times that Python waits for the device."""
    operations: float
    """Floating point operations of one GAN's step of BATCH images."""

    @property
    def launch_seconds(self) -> float:
        """What asking takes at least, for each GAN."""
        return self.launches * LAUNCH_SECONDS / self.num_gans

    @property
    def arithmetic_seconds(self) -> float:
        """What computing takes at least, for each GAN."""
        return self.operations / OPERATIONS_A_SECOND


def count(name: str, *, stacks: Sequence[int] = STACKS, pixels: int = 28) -> Iterator[Counted]:
    """The plain loop, ours, and ours for several GANs at once."""
    variant = GANS[name]
    operations = _operations(variant, pixels)

    def counted(way: str, num_gans: int, launches: float, waits: float) -> Counted:
        return Counted(
            variant=name, way=way, num_gans=num_gans, launches=launches, waits=waits, operations=operations
        )

    if name in ARCHITECTURES:
        yield counted("plain", 1, *_plain(name, pixels))
    yield counted("eager", 1, *_ours(variant, pixels, num_gans=None))
    for number in stacks:
        yield counted(f"stacked {number}", number, *_ours(variant, pixels, num_gans=number))


def _job(name: str, pixels: int, *, batch: int, epochs: int = 1) -> Job:
    size = Size(images=batch, pixels=pixels, batch=batch, epochs=epochs)
    return Job(variant=name, size=size, precision="float32", device="cuda")


def _trainer(variant: GanVariant, pixels: int, *, batch: int, seed: int = 0) -> GanTrainer:
    job = _job("mlp_gan", pixels, batch=batch)
    return GanTrainer(variant, replace(variant.defaults, batch_size=batch), job.data(), seed=seed)


def _ours(variant: GanVariant, pixels: int, *, num_gans: int | None) -> tuple[float, float]:
    """Operations and waits a step of our loop, for one GAN or several at once."""
    with PretendedGpu() as gpu:
        members = [_trainer(variant, pixels, batch=FEW, seed=seed) for seed in range(num_gans or 1)]
        trainer = members[0] if num_gans is None else StackedTrainer(members, recorder=None)
        trainer.train_until(BEFORE)
        launches, waits = gpu.launches.total(), len(gpu.waits)
        trainer.train_until(BEFORE + COUNTED)
        # The losses were read as at the end of an interval, which has more steps in a longer training.
        return (gpu.launches.total() - launches) / COUNTED, (len(gpu.waits) - waits) / LOSS_INTERVAL


def _plain(name: str, pixels: int) -> tuple[float, float]:
    """Operations and waits a step of the plain loop: what more epochs take."""
    found = []
    for epochs in (FIRST_EPOCHS, FIRST_EPOCHS + MORE_EPOCHS):
        job = _job(name, pixels, batch=FEW, epochs=epochs)
        with PretendedGpu() as gpu:
            train_plainly(job)
        found.append((gpu.launches.total(), len(gpu.waits)))
    steps = MORE_EPOCHS / job.settings.discriminator_steps
    (launches, waits), (more_launches, more_waits) = found
    return (more_launches - launches) / steps, (more_waits - waits) / steps


def _operations(variant: GanVariant, pixels: int) -> float:
    """Floating point operations of a step of BATCH images."""
    with CountedOperations() as counted, PretendedGpu():
        _trainer(variant, pixels, batch=BATCH).train_until(1)
    return float(counted.operations)


def table(counted: Sequence[Counted]) -> str:
    """The counts, and what follows from them for one GAN's step."""
    lines = [
        "| GAN | way | operations a step, all GANs | waits a step | by launches, µs a GAN "
        "| by arithmetic, µs a GAN | bound by |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for each in counted:
        asking, computing = 1e6 * each.launch_seconds, 1e6 * each.arithmetic_seconds
        lines.append(
            f"| {each.variant} | {each.way} | {each.launches:,.0f} | {each.waits:.2f} | {asking:,.0f} | "
            f"{computing:,.1f} | {'launches' if asking > computing else 'arithmetic'} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Counts, and prints the table or writes it into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.launches", description="What a GPU is asked for.")
    parser.add_argument("--variants", nargs="+", choices=GANS, default=list(GANS))
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    text = table([each for name in given.variants for each in count(name)])
    print(text)
    if given.write:
        put_lines("benchmarks.md", "launches", text.splitlines())


if __name__ == "__main__":
    main(sys.argv[1:])
