"""The calibration of the predicted probabilities, before and after temperature scaling on validation."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple

import numpy as np
import pandas as pd

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.records.recalibration import FittedPart, Floats, fit_temperatures, fitted_parts, scale
from gan_study.analysis.records.select import ARM_COLUMNS, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.classifiers.metrics import brier_score, expected_calibration_error

HEADINGS = {
    "ece": "ECE",
    "ece_scaled": "ECE after scaling",
    "brier": "Brier score",
    "brier_scaled": "Brier score after scaling",
    "temperature": "Temperature",
}


def calibration_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """One table, a row for each method; none if no trial has stored its predictions of both parts.

    Each fit has its own temperature, fitted to its predictions of the validation set.
    """
    numbers: list[tuple[object, ...]] = []
    text: list[tuple[object, ...]] = []
    for arm, trials in by_arm(confirmed(records)).items():
        seeds = [found for trial in trials if (found := calibration(trial))]
        if seeds:
            estimates = {name: t_interval([seed[name] for seed in seeds]) for name in HEADINGS}
            numbers += [(*arm, name, *astuple(each)) for name, each in estimates.items()]
            text.append((*arm, *map(estimate_text, estimates.values())))
    if not numbers:
        return ()
    return (
        Table(
            name="calibration",
            title="Calibration on the test set, before and after temperature scaling on validation",
            numbers=pd.DataFrame(numbers, columns=[*ARM_COLUMNS, "metric", "n", "mean", "low", "high"]),
            rows=pd.DataFrame(text, columns=[*ARM_COLUMNS, *HEADINGS.values()]),
            origin=SCORES,
        ),
    )


def calibration(trial: Trial) -> Mapping[str, float] | None:
    """The test set's calibration error and Brier score before and after scaling, means over the fits.

    The keys are those of HEADINGS; None unless the predictions of both parts are stored.
    """
    parts = fitted_parts(trial)
    if parts is None:
        return None
    validation, test = parts
    temperatures = fit_temperatures(validation)
    scaled = scale(test.log_probabilities, temperatures)
    return {
        **_scores(test, np.exp(test.log_probabilities), suffix=""),
        **_scores(test, np.exp(scaled), suffix="_scaled"),
        # A temperature of 2 is as far from 1 as one of 1/2.
        "temperature": float(np.exp(np.log(temperatures).mean())),
    }


def _scores(part: FittedPart, probabilities: Floats, *, suffix: str) -> dict[str, float]:
    measures = {"ece": expected_calibration_error, "brier": brier_score}
    return {
        f"{name}{suffix}": float(np.mean([measure(part.labels, each, part.weights) for each in probabilities]))
        for name, measure in measures.items()
    }
