from dataclasses import replace

import numpy as np
import pytest

from gan_study.analysis.answer import answer
from gan_study.analysis.caveats import caveats
from gan_study.analysis.length_tables import length_tables
from gan_study.analysis.select import conditions
from gan_study.analysis.training_length import CUT_OFF, cut_off_arms, is_cut_off
from gan_study.analysis.trial import Trial
from gan_study.analysis.verdict_tables import verdict_table
from gan_study.trainables.record import GanLength
from tests.analysis.planted import confirmed_arm, planted_study, study_of, with_arrays

ENDS = {
    "gan/trained_on": np.array(["3", "8"]),
    "gan/generator_steps": np.array([3250, 6000]),
    "gan/reason": np.array(["converged", "cap"]),
    "gan/still_improving": np.array([0, 1]),
    "gan/length_steps": np.array([[250, 500, -1], [250, 500, 750]]),
    "gan/length_distances": np.array([[0.9, 0.2, np.nan], [0.8, 0.4, 0.1]]),
}


def ended(record: Trial, *, improving: bool) -> Trial:
    length = GanLength(generator_steps=3250, reason="cap", still_improving=improving)
    return with_arrays(replace(record, gan=length), ENDS)


def of_dcgan(records: list[Trial], *, improving: bool = True) -> list[Trial]:
    return [ended(r, improving=improving) if (r.balancer, r.phase) == ("dcgan", "confirm") else r for r in records]


def test_ends_are_read_by_class() -> None:
    trial = next(
        each for each in of_dcgan(planted_study()) if each.balancer == "dcgan" and each.phase == "confirm"
    )
    assert trial.gan_ends["3"] == (3250, "converged", False, (250, 500), (0.9, 0.2))
    assert trial.gan_ends["8"] == (6000, "cap", True, (250, 500, 750), (0.8, 0.4, 0.1))


def test_the_table_has_a_row_for_each_class_and_the_curve_every_comparison() -> None:
    lengths, curve = length_tables(of_dcgan(planted_study()))
    rows = lengths.rows.loc[lengths.rows["Method"] == "dcgan"] if "Method" in lengths.rows else lengths.rows
    assert rows.iloc[-1].tolist()[-4:] == ["6,000", "the largest length (3 of 3)", "3 of 3", "0.8, 0.1"]
    assert len(curve.numbers) == 3 * (2 + 3)
    assert curve.numbers["distance"].min() == pytest.approx(0.1)


def test_no_verdict_but_helps_hides_that_a_gan_was_still_improving() -> None:
    none = confirmed_arm("none", validation=(0.4,) * 4, test=(0.40, 0.41, 0.42, 0.43))
    poor = confirmed_arm("dcgan", validation=(0.5,) * 4, test=(0.30, 0.31, 0.32, 0.33), gan=True)
    study = study_of([*none, *of_dcgan(poor)])
    assert is_cut_off(study.records, conditions(study.records)[0], "dcgan")
    assert f"Its GAN was {CUT_OFF}" in answer(study)[0]
    assert any(CUT_OFF in str(cell) for cell in verdict_table(study).rows.iloc[0])
    assert any(
        text.startswith(f"GANs that were {CUT_OFF}: dcgan (ratio 10, 4 of 4 trials)") for text in caveats(study)
    )
    done = study_of([*none, *of_dcgan(poor, improving=False)])
    assert CUT_OFF not in " ".join([*answer(done), *caveats(done), *map(str, verdict_table(done).rows.iloc[0])])


def test_a_gan_that_helps_needs_no_such_words() -> None:
    none = confirmed_arm("none", validation=(0.4,) * 4, test=(0.40, 0.41, 0.42, 0.43))
    good = confirmed_arm("dcgan", validation=(0.5,) * 4, test=(0.60, 0.61, 0.62, 0.63), gan=True)
    study = study_of([*none, *of_dcgan(good)])
    assert CUT_OFF not in " ".join([*answer(study), *map(str, verdict_table(study).rows.iloc[0])])
    assert cut_off_arms(study.records) == ["dcgan (ratio 10, 4 of 4 trials)"]
