"""How long each generator was trained and sampled, by what it was trained on."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table

_FORMS = {
    "seconds": "{:.1f}",
    "generator_steps": "{:.0f}",
    "seconds_per_1000_steps": "{:.2f}",
    "sampling_seconds": "{:.1f}",
}


def gan_time_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A table with a row for each condition, generator and its training data; none if no time was recorded."""
    rows = [
        {**arm._asdict(), "trained_on": name, **_means(name, trials)}
        for arm, trials in by_arm(confirmed(records)).items()
        for name in dict.fromkeys(name for trial in trials for name in _timed(trial))
    ]
    if not rows:
        return ()
    columns = [*ARM_COLUMNS, "trained_on", *_FORMS, "seeds"]
    numbers = pd.DataFrame(rows, columns=columns)
    text = numbers.assign(
        **{name: numbers[name].map(lambda number, form=form: _text(number, form)) for name, form in _FORMS.items()}
    )
    title = "Training and sampling time of each generator"
    return (Table(name="gan_time", title=title, numbers=numbers, rows=text, origin=SCORES),)


def _text(number: float, form: str) -> str:
    return "" if math.isnan(number) else form.format(number)


def _means(name: str, trials: Sequence[Trial]) -> dict[str, float | int]:
    """Means over seeds of generators trained on `name`; seconds a step are of all seeds.

    NaN if no trial recorded the time of sampling.
    """
    timed = [found[name] for found in map(_timed, trials) if name in found]
    seconds, steps = np.array(timed, dtype=float).T
    sampling = [trial.sampling_seconds[name] for trial in trials if name in trial.sampling_seconds]
    return {
        "seconds": float(seconds.mean()),
        "generator_steps": float(steps.mean()),
        "seconds_per_1000_steps": float(1000 * seconds.sum() / max(1.0, steps.sum())),
        "sampling_seconds": float(np.mean(sampling)) if sampling else float("nan"),
        "seeds": len(timed),
    }


def _timed(trial: Trial) -> dict[str, tuple[float, int]]:
    """Seconds and generator steps by what each generator was trained on; empty if one of them cannot be read."""
    seconds, steps = trial.gan_seconds, trial.gan_lengths
    return {name: (seconds[name], steps[name]) for name in seconds if name in steps}
