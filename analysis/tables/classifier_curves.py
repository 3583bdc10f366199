"""The classifier's training and validation losses by epoch, as points of curves."""

from collections.abc import Iterator, Sequence

import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, number


def classifier_curve_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """One table, a row for each condition, method and epoch; none if no losses were recorded.

    Means over the confirmed seeds and their fits, `fits` trainings in all; after an early stop over the others.
    Each method has its own training loss, so only validation losses can be compared. The text has the epochs after
    which these were measured.
    """
    points = [
        {**arm._asdict(), **point}
        for arm, trials in by_arm(confirmed(records)).items()
        for trial in trials
        for point in _points(trial)
    ]
    if not points:
        return ()
    groups = pd.DataFrame(points).groupby([*ARM_COLUMNS, "epoch"], sort=False)
    numbers = groups.mean().join(groups["training_loss"].count().rename("fits")).reset_index()
    text = numbers[numbers["validation_loss"].notna()].reset_index(drop=True)
    losses = ["training_loss", "validation_loss"]
    text = text.assign(
        **{name: [ABSENT if pd.isna(each) else number(each) for each in text[name]] for name in losses}
    )
    title = "The classifier's losses by epoch"
    return (Table(name="classifier_curves", title=title, numbers=numbers, rows=text, origin=SCORES),)


def _points(trial: Trial) -> Iterator[dict[str, float]]:
    """Each fit's losses after each epoch (1-based)."""
    if trial.fit_losses is None:
        return
    for training, validation in zip(*trial.fit_losses, strict=True):
        for epoch, losses in enumerate(zip(training, validation, strict=True), start=1):
            yield {"epoch": epoch, "training_loss": losses[0], "validation_loss": losses[1]}
