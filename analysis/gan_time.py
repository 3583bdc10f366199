"""How long each GAN was trained, by what it was trained on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.provenance import SCORES
from gan_study.analysis.select import condition_of, confirmed, families
from gan_study.analysis.tables import KEYS, Arm, Table, headed, in_order, without_constants
from gan_study.analysis.trial import Trial

_Measured = dict[Arm, dict[str, list[tuple[float, int]]]]


def gan_time_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A table with a row for each condition, GAN and what it was trained on; none where no time was recorded."""
    found: _Measured = {}
    for record in confirmed(records):
        for name, seconds in record.gan_seconds.items():
            by_class = found.setdefault(Arm(*condition_of(record), record.balancer), {})
            by_class.setdefault(name, []).append(
                (seconds, len(record.losses[name].generator) if name in record.losses else 0)
            )
    if not found:
        return ()
    rows = [
        {**arm._asdict(), "trained_on": name, **_means(measured)}
        for arm in in_order(found, families(records))
        for name, measured in found[arm].items()
    ]
    numbers = pd.DataFrame(rows, columns=[*KEYS, "trained_on", "seconds", "epochs", "seconds_per_epoch", "seeds"])
    text = numbers.assign(
        seconds=numbers["seconds"].map("{:.1f}".format),
        epochs=numbers["epochs"].map("{:.0f}".format),
        seconds_per_epoch=numbers["seconds_per_epoch"].map("{:.4f}".format),
    )
    return (
        Table(
            name="gan_time",
            title="Training time of each GAN by class",
            numbers=numbers,
            text=headed(without_constants(text)),
            origin=SCORES,
        ),
    )


def _means(measured: Sequence[tuple[float, int]]) -> dict[str, float | int]:
    """Mean seconds and epochs over seeds; seconds an epoch are of all seeds together."""
    seconds, epochs = (np.array(each, dtype=float) for each in zip(*measured, strict=True))
    return {
        "seconds": float(seconds.mean()),
        "epochs": float(epochs.mean()),
        "seconds_per_epoch": float(seconds.sum() / max(1.0, epochs.sum())),
        "seeds": len(measured),
    }
