"""How long each GAN was trained, and why it ended, as tables."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, Arm, by_arm, confirmed
from gan_study.analysis.records.trial import GanEnd, Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT

_REASONS = {
    "fixed": "a fixed length",
    "converged": "no more improvement",
    "floor": "the minimum length: too few images to measure improvement",
    "cap": "the largest length",
}


# What the last losses are called in CSV and in text.
_LOSSES = {
    "last_generator_loss": "Last generator loss",
    "last_discriminator_loss": "Last discriminator loss",
}


def length_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A row for each condition, GAN and class it was trained on, with the losses of its last steps; the CSV of the
    curve has every comparison.

    None if no GAN was confirmed.
    """
    ends = [
        (arm, name, trial.seed, end, _last_losses(trial, name))
        for arm, trials in by_arm(confirmed(records)).items()
        for trial in trials
        for name, end in trial.gan_ends.items()
    ]
    if not ends:
        return ()
    groups: dict[tuple[Arm, str], list[tuple[GanEnd, tuple[float, float]]]] = {}
    for arm, name, _, end, losses in ends:
        groups.setdefault((arm, name), []).append((end, losses))
    trained = {key: ([end for end, _ in of], _means([losses for _, losses in of])) for key, of in groups.items()}
    numbers = pd.DataFrame(
        [
            {**arm._asdict(), "trained_on": name, **_summary(of), **dict(zip(_LOSSES, losses, strict=True))}
            for (arm, name), (of, losses) in trained.items()
        ]
    )
    columns = [
        *ARM_COLUMNS,
        "Trained on",
        "Generator steps",
        "Taken from step",
        "Ended by",
        "Still improving",
        "Distance, first and best",
        *_LOSSES.values(),
    ]
    rows = pd.DataFrame(
        [
            [*arm, name, *_cells(of), *(ABSENT if each is None else f"{each:.3g}" for each in losses)]
            for (arm, name), (of, losses) in trained.items()
        ],
        columns=columns,
    )
    title = "How long each generator was trained, and why it ended"
    curve = [
        {**arm._asdict(), "trained_on": name, "seed": seed, "generator_steps": step, "distance": distance}
        for arm, name, seed, end, _ in ends
        for step, distance in zip(end.compared_at, end.distances, strict=True)
    ]
    more = tuple(_LOSSES.values())
    found = [Table(name="gan_length", title=title, numbers=numbers, rows=rows, origin=SCORES, more=more)]
    if curve:
        points = pd.DataFrame(curve)
        title = "Kernel distance to held-out training images during training"
        found.append(Table(name="gan_length_curve", title=title, numbers=points, rows=points, origin=SCORES))
    return tuple(found)


def _last_losses(trial: Trial, name: str) -> tuple[float, float]:
    """The generator's and the discriminator's losses where they were recorded last; NaN for what has none."""
    losses = trial.losses.get(name)
    if losses is None or not len(losses.steps):
        return math.nan, math.nan
    return float(losses.generator[-1]), float(losses.discriminator[-1])


def _means(losses: Sequence[tuple[float, float]]) -> tuple[float | None, ...]:
    """The mean of each of both losses, over the trainings that have one; None without any."""
    return tuple(_mean(each for each in of if not math.isnan(each)) for of in zip(*losses, strict=True))


def _summary(ends: Sequence[GanEnd]) -> dict[str, object]:
    steps, reasons = [end.generator_steps for end in ends], Counter(end.reason for end in ends)
    taken = [end.taken_from for end in ends if end.taken_from is not None]
    known = [end.still_improving for end in ends if end.still_improving is not None]
    return {
        "fewest_steps": min(steps),
        "most_steps": max(steps),
        "earliest_taken": min(taken, default=None),
        "latest_taken": max(taken, default=None),
        **{f"ended_{reason}": reasons[reason] for reason in _REASONS},
        "still_improving": sum(known) if known else None,
        "first_distance": _mean(end.distances[0] for end in ends if end.distances),
        "best_distance": _mean(min(end.distances) for end in ends if end.distances),
        "trainings": len(ends),
    }


def _cells(ends: Sequence[GanEnd]) -> list[object]:
    found = _summary(ends)
    reasons = Counter(end.reason for end in ends)
    said = [f"{_REASONS[reason]} ({number} of {len(ends)})" for reason, number in reasons.most_common()]
    improving, best = found["still_improving"], found["best_distance"]
    return [
        _range(found["fewest_steps"], found["most_steps"]),
        ABSENT if found["latest_taken"] is None else _range(found["earliest_taken"], found["latest_taken"]),
        "; ".join(said),
        ABSENT if improving is None else f"{improving} of {len(ends)}",
        ABSENT if best is None else f"{found['first_distance']:.3g}, {best:.3g}",
    ]


def _range(low: object, high: object) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _mean(values: Iterator[float]) -> float | None:
    found = list(values)
    return float(np.mean(found)) if found else None
