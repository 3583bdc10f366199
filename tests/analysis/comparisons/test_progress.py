"""How much of a planned confirmation there is, counted by hand."""

from dataclasses import replace

from gan_study.analysis.comparisons.progress import confirmation_progress
from gan_study.analysis.page.overview import overview
from gan_study.analysis.records.load import Study
from tests.analysis.planted import confirmed_arm, planted_study, study_of


def planned(*, looks: tuple[int, ...], ratios: tuple[float | None, ...]) -> Study:
    """No balancing, smote and dcgan in three seeds at ratios 10 and 50, of a study with this plan."""
    study = study_of(
        [
            trial
            for ratio in (10.0, 50.0)
            for name, score in (("none", 0.4), ("smote", 0.45), ("dcgan", 0.5))
            for trial in confirmed_arm(
                name, validation=(score,) * 3, test=(score,) * 3, gan=name == "dcgan", ratio=ratio
            )
        ]
    )
    families = tuple(replace(family, ratios=ratios) for family in study.verdicts.families)
    return replace(study, verdicts=replace(study.verdicts, looks=looks, families=families))


def lines(study: Study) -> dict[str, str]:
    """The verdicts of the first screen by what they are of."""
    return dict(overview(study).verdicts)


def test_an_unfinished_study_says_how_much_of_it_there_is() -> None:
    study = planned(looks=(5,), ratios=(10.0, 50.0, 100.0))
    # Three methods at three ratios in five seeds; two ratios have three seeds.
    progress = confirmation_progress(study)
    assert (progress.run, progress.planned, progress.is_complete) == (18, 45, False)
    assert lines(study)["So far"] == "18 of 45 confirmed trials; no verdict yet at ratio 100"
    assert lines(study)["Minority F1"] == "Helps at ratios 10 and 50 (so far)"
    assert lines(study)["Minority recall"] == "Helps at ratios 10 and 50"


def test_every_ratio_is_said_once_all_of_them_are_judged() -> None:
    study = planned(looks=(3,), ratios=(10.0, 50.0))
    assert confirmation_progress(study).is_complete
    assert "So far" not in lines(study)
    assert lines(study)["Minority F1"] == "Helps at every ratio"


def test_failed_trials_are_not_waited_for_and_later_rounds_are_not_counted() -> None:
    study = planned(looks=(3, 5), ratios=(10.0, 50.0))
    failed = replace(study, records=tuple(replace(each, status="failed") for each in study.records))
    assert confirmation_progress(failed) == confirmation_progress(study)
    assert confirmation_progress(study).is_complete


def test_the_ratio_of_the_original_data_is_one_ratio() -> None:
    study = study_of([each for each in planted_study() if each.phase == "confirm"])
    families = tuple(replace(family, ratios=(None,)) for family in study.verdicts.families)
    original = replace(study, verdicts=replace(study.verdicts, families=families))
    assert confirmation_progress(original).is_complete and "So far" not in lines(original)
