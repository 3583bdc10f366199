import html
from pathlib import Path

import pandas as pd
import pytest

from gan_study.analysis.page.report import terminal_summary
from gan_study.analysis.records.load import load_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.result import EveryTrialFailedError, MostTrialsFailedError, StudyResult
from gan_study.trainables.base.settings import UserError
from tests.analysis.planted import predicted_study, write_arrays
from tests.study.plan.test_planner import study
from tests.study.simulation import Simulation


def result(fails):
    simulation = Simulation()
    simulation.run(study(), num_workers=1, seed=0, fails=fails)
    return StudyResult(folder=Path(), trials=tuple(simulation.records.values()))


def test_a_study_in_which_every_trial_failed_says_why():
    with pytest.raises(
        EveryTrialFailedError, match=r"^all 56 trials\b.*\b56 times\b.*: it broke;.*--retry-failed"
    ):
        result(lambda trial: True).check()


def test_a_study_in_which_most_trials_failed_is_no_success():
    with pytest.raises(MostTrialsFailedError, match=r"^\d+ of \d+ trials failed;.*: it broke; `gan-study resume"):
        result(lambda trial: trial.config.balancing.name != "none").check()


def test_some_failures_are_said():
    some = result(lambda trial: trial.purpose.phase == "search" and trial.arm.balancer == "vanilla_gan")
    assert some.check() is some
    assert some.failures().startswith(f"{some.count('failed')} of {len(some.trials)} trials failed; ")
    assert result(lambda trial: False).failures() is None


def test_records_are_a_frame_with_one_row_a_trial():
    frame = result(lambda trial: False).records
    assert len(frame) == 14 + 59 + 42
    assert set(frame["phase"]) == {"baseline", "search", "confirm"}


def test_of_a_chain_of_errors_the_one_that_a_person_can_mend_is_told():
    from gan_study.study.run.tuner import reason_of

    try:
        try:
            raise OSError(28, "No space left on device", "records.jsonl")
        except OSError:
            raise RuntimeError("Traceback (most recent call last): ...")  # noqa: B904, as Tune does it
    except RuntimeError as error:
        assert reason_of(error).filename == "records.jsonl"
    other = RuntimeError("a fault of ours")
    assert reason_of(other) is other


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A study with its files: its folder and records."""
    folder = tmp_path_factory.mktemp("result") / "study"
    create_study_folder(folder, study_config("quickstart", []), {"torch": "2.9.0"})
    records = predicted_study()
    write_arrays(folder, records)
    return StudyResult(folder=folder, trials=tuple(records))


def test_the_answer_is_what_the_command_prints(planted, capsys):
    answer, table = terminal_summary(load_study(planted.folder))
    assert planted.answer == answer
    shown = planted._repr_html_()
    assert html.escape(answer) in shown and shown.count("<tr") == len(table) + 1


def test_names_with_markup_are_shown_and_not_obeyed_in_a_notebook(planted, monkeypatch):
    evil = "<script>alert(1)</script>"
    monkeypatch.setattr(StudyResult, "_summary", lambda self: (evil, pd.DataFrame({"Balancer": [evil]})))
    assert "<script" not in planted._repr_html_()


def test_verdicts_are_those_of_the_report(planted):
    page = planted.report()
    written = pd.read_csv(page.parent / "tables" / "verdicts.csv")
    given = planted.verdicts
    assert page.name == "report.html" and len(given) == len(written) > 1
    assert given["verdict"].tolist() == written["verdict"].tolist()
    assert given["mean"].tolist() == pytest.approx(written["mean"].tolist())


def test_the_best_gan_is_the_one_that_validation_chose(planted):
    best = planted.best_gan()
    assert best.phase == "confirm" and best.seed == min(r.seed for r in planted.trials if r.phase == "confirm")
    chosen = planted.verdicts.query("chosen_gan and against == 'no balancing'")["balancer"].unique()
    assert chosen.tolist() == [best.balancer]
    assert planted.best_gan(best.imbalance_ratio) == best


def test_a_gan_that_is_not_there_is_refused(planted):
    with pytest.raises(UserError, match="imbalance_ratio: 3 cannot be used; choose one of "):
        planted.best_gan(3)
    with pytest.raises(UserError, match="no GAN was confirmed"):
        StudyResult(folder=planted.folder, trials=()).best_gan()
