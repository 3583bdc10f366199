"""Core seconds until a study's verdict on its GAN is decided, and right.

`python -m benchmarks.verdict quickstart` first trains a long reference run (ten times the seeds of a study, five
fits each; it may be stopped and run again, and `--processes` share it), whose scores, predictions and seconds it
keeps in benchmarks/results. Its verdict is the right one. Then many studies are put together from seeds of the
reference run in another order each, and judged by the product's own code:

- as in 0.1.0: one fit a seed, and the number of seeds fixed beforehand;
- nested fits: several fits a seed, fixed seeds;
- until decided: several fits a seed, rounds of seeds for what is open;
- a naive script: as in 0.1.0, with the plain loops of benchmarks/reference.py, timed on a few seeds.

A fixed number of seeds is the smallest that is right in four studies of five; where half of the reference run's
seeds do not do, the share that they reach is beside it. All are judged by the same tests for the same family of
comparisons, so that their error rates are equal.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import naive
from benchmarks.page import put_lines
from gan_study.analysis.inference.decisions import Decision, decide, is_open
from gan_study.analysis.inference.images import image_error
from gan_study.analysis.inference.looks import POWER, Look, look_at, spending_shares
from gan_study.study.plan.config import NO_BALANCING, Arm, StudyConfig
from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.trials import planned_trial
from gan_study.study.plan.verdict_plan import look_schedule
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.records.record import Selection
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

RESULTS = Path(__file__).parent / "results" / "verdict"
FITS, PLAIN_SEEDS, STUDIES = 5, 2, 400
# A GAN a class of 3,000 generator steps, which is where it begins to pay on Fashion-MNIST at ratio 12.
FASHION = (
    "data.name=fashion_mnist",
    "imbalance={profile: step, ratio: 12, minority_classes: ['3', '4', '5', '7']}",
    "search.trials=0",
    "search.parameters.balancing/name={kind: choice, options: [dcgan]}",
)
# Task -> recipe and its changes.
TASKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "quickstart": ("quickstart", ()),
    "mnist-digit0": ("mnist-digit0", ("scale=fast_run",)),
    "fashion-ratio12": ("fashion-mnist-thesis", FASHION),
}

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A reference run: arms [A], no balancing first, by seeds [S], fits [F] and test images [N]."""

    arms: tuple[str, ...]
    labels: Integers
    """[N]."""
    classes: tuple[int, ...]
    """The rare ones."""
    predicted: Integers
    """[A, S, F, N]."""
    f1: Floats
    """Test minority F1 [A, S, F]."""
    validation: Floats
    """Validation minority F1 [A, S]."""
    set_seconds: Floats
    """Of everything but the fits [A, S]."""
    fit_seconds: Floats
    """Of one fit [A, S]."""


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """A way to come to a verdict."""

    name: str
    fits: int
    looks: tuple[int, ...]
    """Numbers of seeds after which it looks."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One study: its verdict on the GAN, and the core seconds until it was there."""

    verdict: str
    seconds: float


def arms_of(config: StudyConfig) -> tuple[str, ...]:
    """No balancing, and every method of a study."""
    return (*config.simple_balancers(), *config.space().balancers)


def train(config: StudyConfig, folder: Path, job: tuple[str, int], *, plain: bool = False) -> None:
    """Run a confirming trial with its defaults, and keep what the verdict needs of it, unless that is there."""
    name, seed = job
    path = folder / f"{'plain-' if plain else ''}{name}-{seed}.npz"
    if path.exists():
        return
    torch.set_num_threads(1)
    # Of a later round: what generated images are like is not measured, which no verdict needs.
    purpose = Purpose(phase="confirm", metric=config.objective, selection=Selection(search_trials=0, round=2))
    arm = Arm(balancer=name, ratio=config.ratios()[0])
    trial = planned_trial(config, arm, config.balancing_by(name), purpose, seed=seed, fits=1 if plain else FITS)
    started = process_time()
    *_, outcome = run_trial(trial.config, purpose, device=torch.device("cpu"), source=image_source(config.data))
    seconds = process_time() - started
    assert isinstance(outcome, TrialOutcome)
    keep(path, outcome, seconds)


def keep(path: Path, outcome: TrialOutcome, seconds: float) -> None:
    """Write what the verdict needs of a trial; CPU seconds are shared among stages as wall time was."""
    record, arrays = outcome.record, outcome.arrays
    fitting = record.seconds["classifier"] / sum(record.seconds.values()) * seconds
    metric = arrays["scores/metrics"].tolist().index("minority_f1")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        labels=arrays["test/labels"],
        classes=arrays["classes/minority"],
        predicted=arrays["test/probabilities"].argmax(axis=2).astype(np.int16),
        f1=arrays["test/overall"][:, metric],
        validation=arrays["validation/overall"][:, metric].mean(),
        set_seconds=seconds - fitting,
        fit_seconds=fitting / record.num_fits,
    )


def measure(config: StudyConfig, folder: Path, *, seeds: Sequence[int], processes: int) -> None:
    """The reference run, and a few seeds of it by plain loops, as far as these can train a method."""
    jobs = [(name, seed) for seed in seeds for name in arms_of(config)]
    with ProcessPoolExecutor(processes) as pool:
        for number, _ in enumerate(pool.map(partial(train, config, folder), jobs), start=1):
            print(f"\r{number} of {len(jobs)} trials", end="", flush=True)
    print()
    for name, replaced in naive.REPLACED.items():
        patch(name, replaced).start()
    for job in ((name, seed) for seed in seeds[:PLAIN_SEEDS] for name in plain_arms(config)):
        train(config, folder, job, plain=True)
    patch.stopall()


def plain_arms(config: StudyConfig) -> tuple[str, ...]:
    """What the plain loops can train: no balancing, and the DCGAN."""
    return tuple(name for name in arms_of(config) if name in (NO_BALANCING, "dcgan"))


def load(config: StudyConfig, folder: Path, *, seeds: Sequence[int]) -> Measured:
    """The reference run, with the seeds whose trials are all there."""
    arms = arms_of(config)
    whole = [seed for seed in seeds if all((folder / f"{name}-{seed}.npz").exists() for name in arms)]
    found = [[np.load(folder / f"{name}-{seed}.npz") for seed in whole] for name in arms]

    def of(key: str) -> npt.NDArray[np.float64]:
        return np.array([[each[key] for each in row] for row in found])

    first = found[0][0]
    return Measured(
        arms=arms,
        labels=first["labels"],
        classes=tuple(first["classes"].tolist()),
        predicted=of("predicted").astype(np.int64),
        f1=of("f1"),
        validation=of("validation"),
        set_seconds=of("set_seconds"),
        fit_seconds=of("fit_seconds"),
    )


def plain_factor(measured: Measured, folder: Path, *, seeds: Sequence[int]) -> float:
    """The seconds of a trial by plain loops over ours with one fit: the largest that was measured."""
    factors = []
    for place, name in enumerate(measured.arms):
        stored = [np.load(path) for seed in seeds if (path := folder / f"plain-{name}-{seed}.npz").exists()]
        if stored:
            plain = np.mean([each["set_seconds"] + each["fit_seconds"] for each in stored])
            factors.append(plain / (measured.set_seconds[place] + measured.fit_seconds[place]).mean())
    return float(max(factors))


def replay(measured: Measured, procedure: Procedure, order: Sequence[int], *, margin: float) -> Replayed:
    """A study of the reference run's seeds in this order, up to the verdict on its GAN."""
    gan = _chosen_gan(measured, order[: procedure.looks[0]])
    looks: list[list[Look]] = [[] for _ in measured.arms[1:]]
    active, before, seconds = set(range(len(looks))), 0, 0.0
    decisions: tuple[Decision, ...] = ()
    for number, share in zip(procedure.looks, spending_shares(procedure.looks), strict=True):
        seeds = list(order[before:number])
        running = [0, *(place + 1 for place in sorted(active))]
        seconds += float(measured.set_seconds[np.ix_(running, seeds)].sum())
        seconds += procedure.fits * float(measured.fit_seconds[np.ix_(running, seeds)].sum())
        for place in active:
            looks[place].append(_look(measured, place + 1, order[:number], procedure.fits, share))
        decisions = decide(looks, size=len(looks), margin=margin)
        active = {each for each in active if is_open(decisions[each], most=procedure.looks[-1], margin=margin)}
        before = number
        if gan not in active:
            break
    return Replayed(verdict=decisions[gan].verdict, seconds=seconds)


def _chosen_gan(measured: Measured, seeds: Sequence[int]) -> int:
    """The place, no balancing not counted, of the GAN with the best mean validation score on these seeds."""
    gans = [place for place, name in enumerate(measured.arms) if BALANCERS[name].is_gan]
    return max(gans, key=lambda place: float(measured.validation[place, list(seeds)].mean())) - 1


def _look(measured: Measured, arm: int, seeds: Sequence[int], fits: int, share: float) -> Look:
    chosen = list(seeds)
    gains = (measured.f1[arm, chosen, :fits] - measured.f1[0, chosen, :fits]).mean(axis=1)
    error = image_error(
        measured.labels,
        measured.predicted[arm, chosen, :fits],
        measured.predicted[0, chosen, :fits],
        classes=measured.classes,
        score="minority_f1",
    )
    return look_at(gains, image_error=error, share=share)


def evaluate(measured: Measured, procedure: Procedure, right: str, *, margin: float) -> tuple[float, float]:
    """The share of studies that come to the right verdict, and the mean core seconds of all."""
    rng, number = np.random.default_rng(0), measured.f1.shape[1]
    found = [replay(measured, procedure, rng.permutation(number).tolist(), margin=margin) for _ in range(STUDIES)]
    return float(np.mean([each.verdict == right for each in found])), float(
        np.mean([each.seconds for each in found])
    )


def fixed(
    measured: Measured, fits: int, right: str, *, name: str, margin: float
) -> tuple[Procedure, float, float]:
    """The procedure with the fewest seeds that is right four times in five, its share and its seconds.

    With half of the reference run's seeds where fewer do not do.
    """
    for number in range(3, measured.f1.shape[1] // 2 + 1):
        procedure = Procedure(name=name, fits=fits, looks=(number,))
        share, seconds = evaluate(measured, procedure, right, margin=margin)
        if share >= POWER:
            break
    return procedure, share, seconds


def rows(config: StudyConfig, measured: Measured, factor: float) -> Iterator[str]:
    """A line of the table for each procedure."""
    margin, number = config.confirm.margin, measured.f1.shape[1]
    reference = Procedure(name="reference", fits=FITS, looks=(number,))
    right = replay(measured, reference, range(number), margin=margin).verdict
    fits = config.confirm.fits if isinstance(config.confirm.fits, int) else 3
    looks = look_schedule(config.confirm)
    if len(looks) == 1:
        looks = look_schedule(replace(config.confirm, until="decided", seeds=(1, 2, 3, 4), most_seeds=12))
    first = fixed(measured, 1, right, name="as in 0.1.0: one fit, fixed seeds", margin=margin)
    nested = fixed(measured, fits, right, name=f"{fits} fits, fixed seeds", margin=margin)
    sequential = Procedure(name=f"{fits} fits, until decided", fits=fits, looks=looks)
    share, seconds = evaluate(measured, sequential, right, margin=margin)
    plain = replace(first[0], name="a naive script: plain loops, one fit, fixed seeds")
    base = first[2]
    found = [(plain, first[1], base * factor), first, nested, (sequential, share, seconds)]
    yield f"The reference run of {number} seeds: *{right}*."
    yield ""
    yield "| procedure | seeds | right | core seconds | of 0.1.0's |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for procedure, share, seconds in found:
        seeds = f"{procedure.looks[0]}" if len(procedure.looks) == 1 else f"{looks[0]} to {looks[-1]}"
        yield f"| {procedure.name} | {seeds} | {share:.2f} | {seconds:.0f} | {seconds / base:.2f} |"


def main() -> None:
    """Measure what is missing, and put the table of a task into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--seeds", type=int, default=80, help="of the reference run")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--root", default=None, help="where the data set lies")
    options = parser.parse_args()
    recipe, changes = TASKS[options.task]
    config = study_config(recipe, (*changes, *((f"data.root={options.root}",) if options.root else ())))
    seeds, folder = range(1, options.seeds + 1), RESULTS / options.task
    measure(config, folder, seeds=seeds, processes=options.processes)
    measured = load(config, folder, seeds=seeds)
    lines = list(rows(config, measured, plain_factor(measured, folder, seeds=seeds)))
    print("\n".join(lines))
    (RESULTS / f"{options.task}.json").write_text(json.dumps(lines, indent=2))
    put_lines("benchmarks.md", f"verdict {options.task}", lines)


if __name__ == "__main__":
    main()
