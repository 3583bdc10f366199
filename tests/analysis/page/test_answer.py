from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gan_study.analysis.page.answer import answer, contrast_table, contrasts
from gan_study.analysis.page.caveats import caveats
from gan_study.analysis.page.report import terminal_summary
from gan_study.analysis.records.load import Study, load_study
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.verdicts import verdict_table
from gan_study.trainables.base.notes import LOOK_LIKE_TRAINING, MAY_LEAK
from gan_study.trainables.records.record import GeneratedImages, Selection
from gan_study.trainables.records.study_header import TimePlan
from tests.analysis.planted import confirmed_arm, planted_record, planted_study, search_trials, write_study


def loaded(folder: Path, records: Sequence[Trial]) -> Study:
    return load_study(write_study(folder, records))


def test_the_sentences_of_the_planted_study(tmp_path: Path) -> None:
    assert answer(loaded(tmp_path, planted_study())) == (
        "GAN augmentation helps on shapes with simple_cnn at imbalance ratio 10: dcgan, the GAN chosen on "
        "validation, changes test minority F1 by +0.120 (corrected interval +0.070 to +0.170, 3 seeds) against no "
        "balancing.",
        "It finds more of the rare images: test minority recall changes by +0.120 (corrected interval +0.070 to "
        "+0.170, 3 seeds).",
        # Differences 0.04, 0.05, 0.06: s = 0.01, half-width 4.302653 * 0.01 / sqrt(3) = 0.0248.
        "It is better than smote, the simple method chosen on validation: the paired difference in test minority "
        "F1 is +0.050 (corrected interval +0.025 to +0.075, 3 seeds).",
    )


def test_a_gan_that_harms_is_said_to(tmp_path: Path) -> None:
    records = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.40, 0.42, 0.44)),
        *confirmed_arm("dcgan", validation=(0.3,) * 3, test=(0.30, 0.31, 0.34), gan=True),
    ]
    gain, recall, rival = answer(loaded(tmp_path, records))
    assert gain.startswith("GAN augmentation hurts on shapes")
    assert recall.startswith("It finds fewer of the rare images")
    assert rival == "No simple method was confirmed in the same settings, so there is no comparison with one."


def test_one_seed_decides_nothing(tmp_path: Path) -> None:
    study = loaded(tmp_path, [record for record in planted_study() if record.seed <= 1])
    gain, recall, rival = answer(study)
    assert gain.startswith("Whether GAN augmentation helps on shapes")
    assert "is undecided after 1 seed" in gain
    assert "+0.100 (1 seed, so no interval)" in gain
    assert "is undecided" in recall
    assert rival.startswith(
        "Whether it is better than smote, the simple method chosen on validation, is undecided"
    )
    assert any("Fewer than 3 seeds decide nothing" in text for text in caveats(study))


def test_a_gain_that_correction_takes_away_is_undecided(tmp_path: Path) -> None:
    # 0.05, 0.07, 0.10: mean 0.0733, s = 0.0252, t = 5.05, p = 0.037; the smaller of two, so 0.074 corrected.
    noisy = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.4, 0.4, 0.4)),
        *confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.45, 0.47, 0.50), gan=True),
    ]
    even = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.4, 0.4, 0.4), ratio=2.0),
        *confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.4, 0.5, 0.3), gan=True, ratio=2.0),
    ]
    assert answer(loaded(tmp_path / "alone", noisy))[0].startswith("GAN augmentation helps on shapes")
    both = loaded(tmp_path / "both", [*noisy, *even])
    assert "is undecided at imbalance ratios 2 and 10" in answer(both)[0]
    assert contrast_table(both).text["Verdict"].tolist() == ["undecided", "undecided"]


def test_gains_within_the_margin_are_no_worthwhile_difference(tmp_path: Path) -> None:
    records = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.40, 0.42, 0.44)),
        *confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.401, 0.422, 0.441), gan=True),
    ]
    assert answer(loaded(tmp_path, records))[0].startswith("GAN augmentation makes no worthwhile difference on")


def test_where_seeds_lack_the_answer_says_how_many_would_do(tmp_path: Path) -> None:
    records = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.4, 0.4, 0.4)),
        *confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.44, 0.40, 0.47), gan=True),
    ]
    gain = answer(loaded(tmp_path, records))[0]
    # Mean 0.0367, s = 0.0351: d = 1.04, for which ten pairs have a power of 0.8.
    assert gain.endswith("; a study of about 10 seeds would decide it.")


def test_seeds_that_were_added_after_looking_are_said_to_be(tmp_path: Path) -> None:
    study = loaded(tmp_path, planted_study())
    late = [
        replace(each, selection=replace(each.selection, round=2)) if each.selection and each.seed == 3 else each
        for each in study.records
    ]
    said = answer(replace(study, records=tuple(late)))
    assert said[-1].startswith("Seeds were added to this study after its results had been seen")


def test_several_ratios_are_told_apart(tmp_path: Path) -> None:
    noisy = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.4, 0.4, 0.4), ratio=2.0),
        *confirmed_arm("smote", validation=(0.5,) * 3, test=(0.5, 0.3, 0.4), ratio=2.0),
        *confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.5, 0.3, 0.46), ratio=2.0, gan=True),
    ]
    clear = [
        record
        for ratio in (10.0, 50.0)
        for name, scores in (
            ("none", (0.4,) * 3),
            ("smote", (0.468, 0.47, 0.472)),
            ("dcgan", (0.518, 0.52, 0.522)),
        )
        for record in confirmed_arm(name, validation=scores, test=scores, ratio=ratio, gan=name == "dcgan")
    ]
    study = loaded(tmp_path, [*clear, *noisy])
    gain, rival = answer(study)
    assert gain.endswith(
        "GAN augmentation helps at imbalance ratios 10 and 50 (mean +0.120) and is undecided at "
        "imbalance ratio 2 (mean +0.020) on shapes with simple_cnn."
    )
    assert rival.startswith(
        "Against the simple method chosen in the same way, it is better at imbalance ratios 10"
    )
    assert [contrast.condition.imbalance_ratio for contrast in contrasts(study)] == [2.0, 10.0, 50.0]
    assert contrast_table(study).text["Verdict"].tolist() == ["undecided", "helps", "helps"]


def test_data_sets_are_told_apart(tmp_path: Path) -> None:
    other = [
        *confirmed_arm("none", validation=(0.4,) * 3, test=(0.40, 0.42, 0.44), dataset="birds"),
        *confirmed_arm("dcgan", validation=(0.3,) * 3, test=(0.30, 0.31, 0.34), gan=True, dataset="birds"),
    ]
    gain = answer(loaded(tmp_path, [*planted_study(), *other]))[0]
    assert "hurts at imbalance ratio 10 (mean −0.103) on birds with simple_cnn; helps at" in gain


def test_a_study_without_confirm_trials_has_no_answer(tmp_path: Path) -> None:
    study = loaded(tmp_path, [record for record in planted_study() if record.phase != "confirm"])
    gain, rest = answer(study)
    assert gain == "There is no answer yet: the study has no confirmed trials."
    assert "+0.200 in validation minority F1" in rest
    assert caveats(study)[0] == "There are no confirm trials: no test score exists and nothing can be concluded."


def test_what_there_was_no_time_for_is_the_first_thing_to_know(tmp_path: Path) -> None:
    study = loaded(tmp_path, planted_study())
    plan = TimePlan(budget_seconds=600.0, asked={}, left_out={"search": "no search"}, cut=("a trial ran",))
    assert caveats(replace(study, time_plan=plan))[0] == (
        "The study had 10 minutes, not enough for all that was requested: no search; a trial ran. "
        "`gan-study resume` does the rest."
    )
    whole = replace(study, time_plan=TimePlan(budget_seconds=600.0, asked={}))
    assert caveats(whole) == caveats(study)


def test_the_published_run_on_sneakers_decides_nothing(tmp_path: Path) -> None:
    # Planted minority F1 is 0.1 below recall: 0.820, 0.796 and 0.853.
    records = [
        *confirmed_arm("none", validation=(0.7,), test=(0.720,)),
        *confirmed_arm("vanilla_gan", validation=(0.7,), test=(0.696,), gan=True),
        *confirmed_arm("wgan_gp", validation=(0.8,), test=(0.753,), gan=True),
    ]
    study = loaded(tmp_path, records)
    assert "is undecided after 1 seed" in answer(study)[0]
    assert verdict_table(study).text["Verdict in F1"].tolist() == ["undecided"] * 2
    assert caveats(study)[1] == (
        "One run decides nothing. On shapes with simple_cnn at imbalance ratio 10, test minority recall "
        "is 0.820 without balancing, lower with vanilla_gan (0.796) and higher with wgan_gp (0.853): "
        "another seed may reverse this."
    )


def test_the_terminal_gets_the_sentences_and_the_table(tmp_path: Path) -> None:
    text, table = terminal_summary(loaded(tmp_path, planted_study()))
    assert text.startswith("GAN augmentation helps")
    assert len(table) == 5


def test_the_caveats_of_the_planted_study(tmp_path: Path) -> None:
    noted = [replace(record, notes=("Two images were found twice.",)) for record in planted_study()[-2:]]
    said = " ".join(caveats(loaded(tmp_path, [*planted_study()[:-2], *noted])))
    assert "over 3 seeds of splitting and training" in said
    assert "12 test images of class “normal”" in said
    assert "malignant <b>& (shapes, test" not in said
    assert "dcgan 5; acgan_<x> 2; class_weights and smote 0" in said
    assert "The searched methods had different numbers of points (see the table of the search)" in said
    assert "simple_cnn epochs: 5, budget: steps" in said
    assert "1 search failed and 1 search pruned" in said
    assert "Two images were found twice. (2 trials)" in said


def test_equal_search_budgets_are_said_to_be(tmp_path: Path) -> None:
    even = [
        record
        for ratio in (2.0, 10.0)
        for first, name in enumerate(("dcgan", "lsgan"))
        for record in search_trials(name, (0.1, 0.2), first=2 * first, ratio=ratio)
    ]
    said = " ".join(caveats(loaded(tmp_path / "even", even)))
    assert (
        "Search trials in all: dcgan and lsgan 4. Every searched method had the same number of points at" in said
    )
    said = " ".join(caveats(loaded(tmp_path / "uneven", even[:-1])))
    assert "had different numbers of points at every ratio" in said


def test_the_upper_bound_is_said_to_be_none_to_choose(tmp_path: Path) -> None:
    bound = confirmed_arm("real_upper_bound", validation=(0.9, 0.9, 0.9), test=(0.9, 0.9, 0.9))
    study = loaded(tmp_path, [*planted_study(), *bound])
    assert "real_upper_bound learns from real images" in " ".join(caveats(study))
    assert "real_upper_bound" not in " ".join(answer(study))
    assert "real_upper_bound" not in " ".join(caveats(loaded(tmp_path / "without", planted_study())))


def test_methods_that_lack_seeds_are_named(tmp_path: Path) -> None:
    lost = planted_record(balancer="dcgan", validation=None, status="failed", seed=3, failure="out of memory")
    records = [r for r in planted_study() if not (r.balancer == "dcgan" and r.phase == "confirm" and r.seed == 3)]
    said = " ".join(caveats(loaded(tmp_path, [*records, lost])))
    assert "dcgan at ratio 10 (2 of 3)" in said
    assert "1 confirm failed" in said


def test_a_partial_dose_is_not_compared_with_duplicates_and_it_is_said(tmp_path: Path) -> None:
    copies = confirmed_arm("duplicates", validation=(0.4,) * 3, test=(0.44, 0.47, 0.51))
    halved = [
        replace(each, generated=GeneratedImages(dose=0.5, num_made=100, num_passed=100))
        if each.balancer == "dcgan"
        else each
        for each in planted_study()
    ]
    said = answer(loaded(tmp_path, [*halved, *copies]))
    assert (
        "It is not compared with as many copies of real images: its dose is 0.5 of the missing images, but "
        "duplicates add all of them."
    ) in said
    assert not any("copies" in sentence for sentence in answer(loaded(tmp_path / "without", halved)))


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (
            Selection(search_trials=30, trial_id="0123456789ab", check_gain=0.06, default_check_gain=0.04),
            "the searched setting gained +0.060 in the check, by validation score, the default +0.040",
        ),
        (
            Selection(search_trials=30, check_gain=0.04, default_check_gain=0.04),
            "no searched setting beat the default, which gained +0.040 in the check, by validation score",
        ),
        (
            Selection(search_trials=30, check_gain=0.02, default_check_gain=0.04),
            "a searched setting won the last round but lost the check (+0.020 in validation score, the default "
            "+0.040), so the default is used",
        ),
    ],
)
def test_what_a_last_round_came_to_is_said(tmp_path: Path, selection: Selection, sentence: str) -> None:
    records = [
        replace(each, selection=selection) if each.phase == "confirm" and each.balancer == "dcgan" else each
        for each in planted_study()
    ]
    said = caveats(loaded(tmp_path, records))
    assert any(each.startswith("dcgan on ") and sentence in each for each in said)


def test_why_nothing_was_searched_is_said(tmp_path: Path) -> None:
    reason = "search.trials is 0: the defaults are confirmed as they are"
    records = [
        replace(each, selection=Selection(search_trials=0, unsearched=reason))
        if each.phase == "confirm" and each.balancer == "dcgan"
        else each
        for each in planted_study()
    ]
    said = caveats(loaded(tmp_path, records))
    assert f"The settings of dcgan are the defaults, without a last round of a search: {reason}." in said


def test_look_alikes_between_parts_are_a_caveat_where_they_are_many(tmp_path: Path) -> None:
    study = loaded(tmp_path, planted_study())
    few, many = f"{LOOK_LIKE_TRAINING}: 1 of 500", f"{LOOK_LIKE_TRAINING}: 30 of 500{MAY_LEAK}"
    assert caveats(replace(study, read_back=(few,))) == caveats(study)
    assert caveats(replace(study, read_back=("imagefolder: 900 images", many)))[0] == (
        "Test images that are, or look like, a training image: 30 of 500, and no groups are named: test scores "
        "may be too high; data.group names what belongs together."
    )


def test_a_probed_precision_is_explained(tmp_path: Path) -> None:
    study = loaded(tmp_path, planted_study())
    found = {
        "dcgan": "bf16; 1.30 times as fast in bf16",
        "the classifier": "float32, since bf16 fails (no kernel)",
    }
    (added,) = set(caveats(replace(study, precisions=found))) - set(caveats(study))
    assert added.startswith("The precision of training was decided before the first trial")
    assert added.endswith(
        "began. dcgan: bf16; 1.30 times as fast in bf16; the classifier: float32, since bf16 fails (no kernel)."
    )
