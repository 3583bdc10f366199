"""How long each GAN was trained, by what it was trained on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table


def gan_time_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A table with a row for each condition, GAN and its training data; none if no time was recorded."""
    rows = [
        {**arm._asdict(), "trained_on": name, **_means(name, trials)}
        for arm, trials in by_arm(confirmed(records)).items()
        for name in dict.fromkeys(name for trial in trials for name in _timed(trial))
    ]
    if not rows:
        return ()
    columns = [*ARM_COLUMNS, "trained_on", "seconds", "generator_steps", "seconds_per_1000_steps", "seeds"]
    numbers = pd.DataFrame(rows, columns=columns)
    forms = {"seconds": "{:.1f}", "generator_steps": "{:.0f}", "seconds_per_1000_steps": "{:.2f}"}
    text = numbers.assign(**{name: numbers[name].map(form.format) for name, form in forms.items()})
    title = "Training time of each GAN by class"
    return (Table(name="gan_time", title=title, numbers=numbers, rows=text, origin=SCORES),)


def _means(name: str, trials: Sequence[Trial]) -> dict[str, float | int]:
    """Mean seconds and generator steps over seeds of GANs trained on `name`; seconds a step are of all seeds."""
    timed = [found[name] for found in map(_timed, trials) if name in found]
    seconds, steps = np.array(timed, dtype=float).T
    return {
        "seconds": float(seconds.mean()),
        "generator_steps": float(steps.mean()),
        "seconds_per_1000_steps": float(1000 * seconds.sum() / max(1.0, steps.sum())),
        "seeds": len(timed),
    }


def _timed(trial: Trial) -> dict[str, tuple[float, int]]:
    """Seconds and generator steps by what each GAN was trained on; empty if one of them cannot be read."""
    seconds, steps = trial.gan_seconds, trial.gan_lengths
    return {name: (seconds[name], steps[name]) for name in seconds if name in steps}
