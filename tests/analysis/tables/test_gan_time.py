from dataclasses import replace

import numpy as np
import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.gan_time import gan_time_tables
from tests.analysis.planted import planted_record, with_arrays


def trial(seed: int, *, seconds: float, steps: int) -> Trial:
    record = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True, seed=seed)
    arrays = {"gan/seconds": [seconds], "gan/generator_steps": [steps], "gan/sampling_seconds": [seconds / 100]}
    return with_arrays(record, {name: np.array(values) for name, values in arrays.items()})


def test_seconds_a_thousand_steps_are_those_of_all_seeds_together() -> None:
    (table,) = gan_time_tables([trial(1, seconds=10.0, steps=1000), trial(2, seconds=20.0, steps=4000)])
    (row,) = table.numbers.to_dict("records")
    assert (row["trained_on"], row["seconds"], row["generator_steps"], row["seeds"]) == (
        "all classes",
        15.0,
        2500.0,
        2,
    )
    # 30 seconds for 5,000 steps.
    assert row["seconds_per_1000_steps"] == pytest.approx(6.0)
    assert row["sampling_seconds"] == pytest.approx(0.15)


def test_records_without_a_time_of_sampling_have_an_empty_cell() -> None:
    early = trial(1, seconds=10.0, steps=1000)
    without = {name: array for name, array in early.stored.items() if name != "gan/sampling_seconds"}
    (table,) = gan_time_tables([replace(early, stored=without)])
    assert table.rows["sampling_seconds"].tolist() == [""]


def test_a_trial_whose_lengths_cannot_be_read_is_left_out() -> None:
    whole, damaged = trial(1, seconds=10.0, steps=1000), trial(2, seconds=20.0, steps=1000)
    without = {name: array for name, array in damaged.stored.items() if name != "gan/generator_steps"}
    damaged = replace(damaged, stored=without)
    (table,) = gan_time_tables([whole, damaged])
    assert table.numbers["seeds"].tolist() == [1]
    assert gan_time_tables([damaged]) == ()
