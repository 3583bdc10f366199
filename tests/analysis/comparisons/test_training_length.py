from dataclasses import replace

import numpy as np
import pytest

from gan_study.analysis.comparisons.training_length import (
    CUT_BY_BUDGET,
    CUT_OFF,
    FEWEST_COMPARED_IMAGES,
    cut_off_arms,
    length_limits,
)
from gan_study.analysis.page.answer import answer
from gan_study.analysis.page.caveats import caveats
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import conditions
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.crossover import crossover_tables
from gan_study.analysis.tables.lengths import length_tables
from gan_study.analysis.tables.verdicts import verdict_table
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.costs import GanSpeed, Speeds, Workload
from gan_study.study.plan.time_plan import Machine, concessions
from gan_study.trainables.balancing.training_length import FEWEST_IMAGES
from gan_study.trainables.base.settings import dump
from gan_study.trainables.records.record import GanLength
from gan_study.trainables.records.study_header import TimePlan
from tests.analysis.planted import confirmed_arm, planted_study, study_of, with_arrays

ENDS = {
    "gan/trained_on": np.array(["3", "8"]),
    "gan/generator_steps": np.array([3250, 6000]),
    "gan/taken_from": np.array([2250, 5750]),
    "gan/reason": np.array(["converged", "cap"]),
    "gan/still_improving": np.array([0, 1]),
    "gan/length_steps": np.array([[250, 500, -1], [250, 500, 750]]),
    "gan/length_distances": np.array([[0.9, 0.2, np.nan], [0.8, 0.4, 0.1]]),
    "gan/loss_steps": np.array([[16, 32], [16, 32]]),
    "gan/generator_loss": np.array([[9.0, 0.25], [9.0, 0.5]]),
    "gan/discriminator_loss": np.array([[9.0, 0.75], [9.0, np.nan]]),
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
    assert trial.gan_ends["3"] == (3250, "converged", False, (250, 500), (0.9, 0.2), 2250)
    assert trial.gan_ends["8"] == (6000, "cap", True, (250, 500, 750), (0.8, 0.4, 0.1), 5750)


def test_the_table_has_a_row_for_each_class_and_the_curve_every_comparison() -> None:
    lengths, curve = length_tables(of_dcgan(planted_study()))
    rows = lengths.rows.loc[lengths.rows["Method"] == "dcgan"] if "Method" in lengths.rows else lengths.rows
    assert rows.iloc[-1].tolist()[-7:-2] == ["6,000", "5,750", "the largest length (3 of 3)", "3 of 3", "0.8, 0.1"]
    assert len(curve.numbers) == 3 * (2 + 3)
    assert curve.numbers["distance"].min() == pytest.approx(0.1)


def test_the_table_has_the_losses_of_the_last_steps() -> None:
    """Means over seeds; of a training without a discriminator, as a flow's, its own alone."""
    trials = [each for each in of_dcgan(planted_study()) if each.balancer == "dcgan" and each.phase == "confirm"]
    lengths, _ = length_tables(trials)
    both = lengths.numbers[["last_generator_loss", "last_discriminator_loss"]]
    assert both.to_numpy()[0].tolist() == [0.25, 0.75] and both.iloc[1, 0] == 0.5
    assert lengths.rows.iloc[:, -2:].to_numpy().tolist() == [["0.25", "0.75"], ["0.5", "–"]]


def test_no_verdict_but_helps_hides_that_a_gan_was_still_improving() -> None:
    none = confirmed_arm("none", validation=(0.4,) * 4, test=(0.40, 0.41, 0.42, 0.43))
    poor = confirmed_arm("dcgan", validation=(0.5,) * 4, test=(0.30, 0.31, 0.32, 0.33), gan=True)
    study = study_of([*none, *of_dcgan(poor)])
    assert length_limits(study, conditions(study.records)[0], "dcgan") == (CUT_OFF,)
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


def at_ratios(*tests: tuple[float, ...]) -> list[Trial]:
    """No balancing, a simple method and a dcgan with these test scores, a ratio each."""
    found = []
    for ratio, test in zip((5.0, 20.0), tests, strict=False):
        seeds = len(test)
        for name, level in (("none", 0.40), ("smote", 0.45)):
            scores = tuple(level + 0.01 * seed for seed in range(seeds))
            found += confirmed_arm(name, validation=(level,) * seeds, test=scores, ratio=ratio)
        found += of_dcgan(confirmed_arm("dcgan", validation=(0.5,) * seeds, test=test, gan=True, ratio=ratio))
    return found


POOR, MIXED, GOOD = (0.30, 0.31, 0.32, 0.33), (0.40, 0.45, 0.38, 0.47), (0.60, 0.61, 0.62, 0.63)


@pytest.mark.parametrize("test", [POOR, MIXED], ids=["hurts", "undecided"])
def test_every_sentence_that_judges_an_unfinished_gan_says_so(test: tuple[float, ...]) -> None:
    """A sentence each on gain, recall and simple method."""
    said = answer(study_of(at_ratios(test)))[:3]
    assert all(word in each for word, each in zip(("F1", "recall", "smote"), said, strict=True))
    assert all(CUT_OFF in each for each in said)


def test_the_sentence_on_the_simple_method_names_the_ratios_of_unfinished_gans() -> None:
    said = answer(study_of(at_ratios(GOOD, POOR)))
    sentence = f"Its GAN was {CUT_OFF} at 20: a longer training may change the result."
    assert all(sentence in each for each in said[:2])


def test_the_crossover_says_at_which_ratios_a_gan_was_unfinished() -> None:
    (table,) = crossover_tables(study_of(at_ratios(POOR, POOR)))
    assert set(table.rows["Finding"]) == {f"does not help at any tested ratio, {CUT_OFF} at ratios 5 and 20"}
    (table,) = crossover_tables(study_of(at_ratios(GOOD, POOR)))
    assert all(finding.endswith(f", {CUT_OFF} at ratio 20") for finding in table.rows["Finding"])


def within_budget(what: str, *, rare: int) -> Study:
    """A study whose dcgan hurts; of what it could give up for want of time, `what` is the last that it gave up."""
    asked = parse_study(
        {
            "name": "short",
            "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3"]},
            "baselines": ["smote"],
            "search": {"trials": 0, "parameters": {"balancing/name": {"kind": "choice", "options": ["dcgan"]}}},
        }
    )
    speeds = Speeds(
        gans={"dcgan": GanSpeed(step=0.1, image=0.0)},
        **dict.fromkeys(("classifier_step", "classifier_start", "domain_step", "prediction", "data"), 0.01),
    )
    workload = Workload(training=(200, 200, 40), minority=(2,), num_validation=9, num_test=9)
    machine = Machine(speeds=speeds, workloads={None: workload}, num_workers=2)
    plan = next(each for each in concessions(asked, machine) if list(each.left_out)[-1:] == [what])
    records = [
        with_arrays(replace(each, gan=each.gan and GanLength()), {"counts/training": np.array([200, 10, rare])})
        for each in at_ratios(POOR)
    ]
    time_plan = TimePlan(budget_seconds=600.0, asked=dump(asked), left_out=plan.left_out)
    return replace(study_of(records), config=dump(plan.config), time_plan=time_plan)


@pytest.mark.parametrize(
    ("what", "rare", "is_cut"),
    [
        ("fits", 40, False),
        ("floors", 40, True),
        ("floors", 29, False),
        ("lengths", 40, True),
        ("lengths", 6, True),
    ],
)
def test_a_length_that_a_time_budget_cut_is_said_beside_each_verdict(what: str, rare: int, is_cut: bool) -> None:
    study = within_budget(what, rare=rare)
    assert (CUT_BY_BUDGET in verdict_table(study).rows.iloc[0]["Verdict in F1"]) == is_cut
    for sentence in answer(study)[:3]:
        assert (CUT_BY_BUDGET in sentence.lower()) == is_cut
    simple = [length_limits(study, each, "smote") for each in conditions(study.records)]
    assert set(simple) == {()}
    assert CUT_OFF not in " ".join(answer(study))


def test_the_page_and_the_trials_count_the_same_fewest_images() -> None:
    assert FEWEST_COMPARED_IMAGES == FEWEST_IMAGES
