from collections.abc import Sequence

import numpy as np
import pytest

from gan_study.analysis.page.overview import overview, short_interval
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import Arm
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.threshold import (
    CORRECTED,
    PLAIN,
    is_shift,
    paired_gains,
    rank,
    remainders,
    threshold_sentences,
    threshold_tables,
)
from tests.analysis.planted import (
    CLASS_NAMES,
    MINORITY,
    fitted,
    planted_record,
    planted_study,
    predicted_study,
    softmax,
    study_of,
)

ARM = Arm("shapes", "simple_cnn", 10.0, "dcgan")
VALIDATION, TEST = np.repeat(np.arange(3), (400, 200, 200)), np.repeat(np.arange(3), (800, 100, 100))


def trial(balancer: str, seed: int, *, skill: float, shift: Sequence[float]) -> Trial:
    """A trial of two fits whose logits are right by `skill`, and then shifted; the noise is that of the seed."""
    record = planted_record(balancer=balancer, validation=0.0, test=0.0, seed=seed, gan=balancer == "dcgan")
    for part, labels in (("validation", VALIDATION), ("test", TEST)):
        noise = np.random.default_rng([seed, len(part)]).normal(size=(2, len(labels), 3))
        record = fitted(record, part, labels, softmax(noise + skill * np.eye(3)[labels] + np.asarray(shift)))
    return record


def two_arms(*, skill: float, shift: Sequence[float]) -> Study:
    """No balancing, whose predictions shun the rare classes, and a GAN's with this skill and shift."""
    return study_of(
        [
            each
            for seed in (1, 2, 3)
            for each in (
                trial("none", seed, skill=1.5, shift=(3.0, 0.0, 0.0)),
                trial("dcgan", seed, skill=skill, shift=shift),
            )
        ]
    )


def means(study: Study) -> dict[str, float]:
    seeds = paired_gains(study)[ARM]
    assert len(seeds) == 3
    return {name: float(np.mean([seed.overall[name] for seed in seeds])) for name in seeds[0].overall}


def test_a_gain_that_is_a_shifted_prior_vanishes_at_the_same_prior() -> None:
    found = means(two_arms(skill=1.5, shift=(1.0, 0.0, 0.0)))
    assert found[PLAIN] > 0.1
    assert found[CORRECTED] == pytest.approx(0, abs=0.003)
    # What a class scores against the rest depends on the others by their normalisation alone.
    assert found["roc_auc"] == pytest.approx(0, abs=0.03)


def test_a_gain_in_ranking_is_left() -> None:
    found = means(two_arms(skill=3.0, shift=(3.0, 0.0, 0.0)))
    assert found[PLAIN] > 0.1 and found[CORRECTED] > 0.1
    assert found["roc_auc"] > 0.05 and found["auprc"] > 0.1


def test_the_plain_gain_is_that_of_the_records_over_all_fits() -> None:
    study = study_of(predicted_study())
    (table, ranking) = threshold_tables(study)
    by_seed = {
        record.seed: record for record in study.records if record.balancer == "none" and record.phase == "confirm"
    }
    gains = [
        record.scores["test"]["minority_f1"] - by_seed[record.seed].scores["test"]["minority_f1"]
        for record in study.records
        if record.balancer == "dcgan" and record.phase == "confirm"
    ]
    rows = table.numbers[(table.numbers["balancer"] == "dcgan") & (table.numbers["metric"] == PLAIN)]
    assert rows["mean"].item() == pytest.approx(np.mean(gains), abs=1e-12)
    assert rows["n"].item() == 3
    assert set(ranking.rows["class"]) == {CLASS_NAMES[label] for label in MINORITY}
    assert table.rows["balancer"].tolist() == ["smote", "dcgan"]


def test_every_fit_counts() -> None:
    both = trial("none", 1, skill=2.0, shift=(0.0, 0.0, 0.0))
    ranked = rank(both)
    assert ranked is not None
    values = [both.scores["test"][name] for name in ("minority_f1", "minority_roc_auc", "minority_auprc")]
    assert [ranked.overall[name] for name in (PLAIN, "roc_auc", "auprc")] == pytest.approx(values, abs=1e-9)


def test_a_sentence_says_what_is_left() -> None:
    study = two_arms(skill=1.5, shift=(1.0, 0.0, 0.0))
    found = means(study)
    (sentence,) = threshold_sentences(study)
    assert sentence.startswith("Shapes with simple_cnn at imbalance ratio 10: of the +0.")
    assert f"of the {found[PLAIN]:+.3f} in minority F1 that dcgan gains, " in sentence
    assert "is left after both are corrected to the same prior. The rest is a shifted threshold, " in sentence
    assert sentence.index("The rare classes' AUROC changes by") > sentence.index("The rest")


def test_the_first_screen_says_what_is_left_of_a_gain() -> None:
    study = two_arms(skill=1.5, shift=(1.0, 0.0, 0.0))
    (found,) = remainders(study)
    assert (found.gan, found.plain) == ("dcgan", pytest.approx(means(study)[PLAIN])) and is_shift(found, 0.02)
    said = dict(overview(study).verdicts)["Beyond a shifted threshold"]
    assert said == f"{short_interval(found.left)} of dcgan's {found.plain:+.2f} in F1"


def test_nothing_is_left_of_a_loss_and_most_of_a_gain_in_ranking() -> None:
    loss, gain = two_arms(skill=0.5, shift=(3.0, 0.0, 0.0)), two_arms(skill=3.0, shift=(3.0, 0.0, 0.0))
    assert "Beyond a shifted threshold" not in dict(overview(loss).verdicts)
    assert not any(is_shift(each, 0.02) for each in (*remainders(loss), *remainders(gain)))
    assert not is_shift(remainders(two_arms(skill=1.5, shift=(1.0, 0.0, 0.0)))[0], 0.9)
    (sentence,) = threshold_sentences(gain)
    assert "The rest is a shifted threshold" not in sentence


def test_a_loss_is_said_to_be_one() -> None:
    (sentence,) = threshold_sentences(two_arms(skill=0.5, shift=(3.0, 0.0, 0.0)))
    assert "dcgan changes minority F1 by −0." in sentence


def test_without_predictions_there_is_nothing_to_say() -> None:
    study = study_of(planted_study())
    assert threshold_tables(study) == () and threshold_sentences(study) == ()
