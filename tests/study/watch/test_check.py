"""Each way in which a study's folder can be wrong, planted in a sound one."""

import json
import math
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import optuna
import pytest

from gan_study.analysis.page.report import terminal_summary
from gan_study.analysis.records.load import load_study
from gan_study.study.plan.config import Arm, parse_study
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms, write_rounds
from gan_study.study.plan.selection import write_selection
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore
from gan_study.study.run.runner import resume_study
from gan_study.study.watch.check import check_study
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.base.settings import DataError, UserError, dump
from gan_study.trainables.records.arrays import arrays_digest, to_bytes
from gan_study.trainables.records.record import RecordError
from gan_study.trainables.trial.outcome import array_path
from tests.study.plan.planned import STUDY
from tests.study.simulation import Simulation

CONFIG = parse_study(
    {
        **STUDY,
        "search": {**STUDY["search"], "trials": 30, "trials_each": 8, "pruning": None, "seed": -3},
        "confirm": {"seeds": [1]},
    }
)


def write_study(root, records, *, closed, config=CONFIG, decisions=()):
    manifest, folder = create_study_folder(root, config, {}), StudyFolder(root)
    store = RecordStore(folder.records)
    for record in records:
        path = root / array_path(record.trial_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        # No two trials' arrays are equal.
        names = np.array(["a", record.trial_id])
        content = to_bytes({"classes/names": names, "classes/minority": np.array([1]), **fits_of(record)})
        path.write_bytes(content)
        digest = arrays_digest(content)
        arrays = {"arrays": array_path(record.trial_id), "arrays_digest": digest}
        store.append(replace(record, study_id=manifest.study_id, **arrays))
    decided = DecisionStore(folder.decisions)
    for decision in decisions:
        decided.append(decision)
    if closed is not None:
        write_selection(folder.selection, closed)
    view = OptunaView(
        storage=manifest.storage(folder), study_name=manifest.unique_name, space=manifest.config.space()
    )
    view.rebuild(store)


def fits_of(record):
    """Each fit's overall scores on each part; the record has their means and the spread."""
    arrays = {}
    for part, scores in record.scores.items():
        means = np.array([math.nan if value is None else value for value in scores.values()])
        off = np.linspace(-1.0, 1.0, record.num_fits) if record.num_fits > 1 else np.zeros(1)
        off *= 0.0 if record.fit_spread is None else record.fit_spread / np.std(off, ddof=1)
        arrays |= {"scores/metrics": np.array(list(scores)), f"{part}/overall": means + off[:, None]}
    return arrays


@pytest.fixture(scope="module")
def sound(simulation, tmp_path_factory):
    root = tmp_path_factory.mktemp("sound") / "study"
    write_study(root, simulation.records.values(), closed=simulation.closed, decisions=simulation.decisions)
    return root


@pytest.fixture
def root(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "study")


def findings(root):
    return [str(finding) for finding in check_study(root).findings]


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_nothing_is_wrong_with_a_sound_study_and_nothing_is_written(sound, simulation):
    before = contents(sound)
    checked = check_study(sound)
    assert checked.findings == ()
    assert checked.is_finished
    assert checked.num_records == checked.num_trials.number == len(simulation.records)
    assert contents(sound) == before


@pytest.mark.parametrize(
    ("name", "written", "edited"),
    [
        ("records.jsonl", '"attempt": 1', '"attempt": 2'),
        ("decisions.jsonl", '"stage": "defaults"', '"stage": "race"'),
        ("selection.json", '"dose": 1.0', '"dose": 0.9'),
    ],
)
def test_an_edit_that_nothing_contradicts_is_found(root, name, written, edited):
    content = (root / name).read_text()
    (root / name).write_text(content.replace(written, edited, 1))
    assert any("edited after it was written" in found and name in found for found in findings(root))
    with pytest.raises(UserError, match="edited after it was written"):
        resume_study(root)


def test_a_report_over_edited_or_foreign_records_says_so_first(root, tmp_path):
    assert load_study(root).foreign == ()
    content = (root / "records.jsonl").read_text()
    (root / "records.jsonl").write_text(content.replace('"attempt": 1', '"attempt": 2', 1))
    answer, _ = terminal_summary(load_study(root))
    assert answer.startswith("Do not rely on these numbers: 1 of ") and "edited after" in answer
    # The records of this study beside the header of another one with the same settings.
    create_study_folder(tmp_path / "other", CONFIG, {})
    (tmp_path / "other" / "records.jsonl").write_text(content)
    study = load_study(tmp_path / "other")
    assert len(study.foreign) == len(study.records) and "another study" in terminal_summary(study)[0]


def test_confirmed_trials_with_another_number_of_fits_than_chosen_are_found(root, simulation):
    write_selection(root / "selection.json", replace(simulation.closed, fits=simulation.closed.fits + 1))
    assert any("selection.json: fits is" in found for found in findings(root))


def test_a_database_left_within_a_transaction_is_read_and_left_as_it_is(root):
    died = subprocess.run([sys.executable, "-c", DIES_WITHIN_A_TRANSACTION, root / "optuna.db"], check=False)
    assert died.returncode == -signal.SIGKILL
    assert (root / "optuna.db-journal").stat().st_size > 0
    before = contents(root)
    assert findings(root) == []
    assert contents(root) == before


DIES_WITHIN_A_TRANSACTION = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("pragma cache_size = 1")  # so that what is changed goes to the file before it is committed
database.execute("begin")
database.execute("update trial_values set value = value + 1")
database.execute("update trial_user_attributes set value_json = hex(randomblob(2000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_without_a_study_is_another_error(tmp_path):
    with pytest.raises(UserError, match="contains no study"):
        check_study(tmp_path)


def test_a_study_of_the_first_version_is_refused_in_one_sentence(root):
    header = json.loads((root / "study.json").read_text())
    del header["schema_version"]
    (root / "study.json").write_text(json.dumps(header))
    for refuse in (check_study, read_manifest, load_study):
        with pytest.raises(
            RecordError, match=r"study\.json: written by gan-study 0\.1\.0, .* install that version"
        ):
            refuse(root)


def line_of(root, number, change):
    """Change one line of the records, given and given back as bytes."""
    path = root / "records.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = change(lines[number - 1])
    path.write_bytes(b"\n".join(lines))


def with_values(**changes):
    return lambda line: json.dumps({**json.loads(line), **changes}).encode()


def with_rung(rung):
    return lambda line: with_values(search={**json.loads(line)["search"], "rung": rung})(line)


def last_of(root, phase):
    """The number of the last line of this phase."""
    lines = (root / "records.jsonl").read_text().splitlines()
    return max(number for number, line in enumerate(lines, start=1) if json.loads(line)["phase"] == phase)


def edited_score(line, name, value):
    scores = json.loads(line)["scores"]
    scores["validation"][name] = value
    return with_values(scores=scores)(line)


def first_artifact(root):
    return root / json.loads((root / "records.jsonl").read_text().splitlines()[0])["arrays"]


def exchange_artifacts(root):
    first, second, *_ = sorted(root.glob("artifacts/*.npz"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def shown_trials(root):
    storage = optuna.storages.get_storage(f"sqlite:///{root / 'optuna.db'}")
    (study,) = storage.get_all_studies()
    return storage, storage.get_study_id_from_name(study.study_name)


def a_row_more(root):
    storage, study_id = shown_trials(root)
    storage.create_new_trial(study_id)


def another_value(root):
    storage, study_id = shown_trials(root)
    trial = storage.get_all_trials(study_id)[0]
    optuna.load_study(study_name=None, storage=storage).add_trial(
        optuna.trial.create_trial(value=7.0, user_attrs=trial.user_attrs)
    )


OTHERS = {
    "data": {"image_size": 8},
    "classifier": {"epochs": 77},
    "imbalance": {"profile": "step", "ratio": 3, "minority_classes": ["7"]},
}


def put_another_studys_manifest(root, section):
    """The header of a study that differs in one section, in place of the one of `root`."""
    values = {**dump(CONFIG), section: {**dump(CONFIG)[section], **OTHERS[section]}}
    create_study_folder(root.parent / "other", parse_study(values), {})
    shutil.copy(root.parent / "other" / "study.json", root)


DAMAGES = {
    **{
        f"another study's {section}": (
            lambda root, section=section: put_another_studys_manifest(root, section),
            f": {section} of another study than study.json",
        )
        for section in OTHERS
    },
    "manifest": (
        lambda root: (root / "study.json").write_text("{"),
        "study.json is not a valid study.json",
    ),
    "a line cut in the middle": (
        lambda root: line_of(root, 3, lambda line: line[:-20]),
        "records.jsonl:3: not JSON",
    ),
    "a line that is no text": (
        lambda root: line_of(root, 3, lambda line: b"\xff" + line),
        "records.jsonl:3: not JSON",
    ),
    "another record version": (
        lambda root: line_of(root, 2, with_values(schema_version=0)),
        "records.jsonl:2: schema version 0; this version reads 2",
    ),
    "a value of the wrong kind": (
        lambda root: line_of(root, 2, with_values(seed="many")),
        "records.jsonl:2: seed: 'many'",
    ),
    "no number": (
        lambda root: line_of(root, 2, lambda line: line.replace(b'"seed": -3', b'"seed": NaN')),
        "records.jsonl:2: not JSON (NaN",
    ),
    "a file elsewhere": (
        lambda root: line_of(root, 2, with_values(arrays="../../thesis.npz")),
        "'../../thesis.npz' leads out of the study's folder",
    ),
    "a trial twice": (
        lambda root: line_of(root, 2, lambda line: line + b"\n" + line),
        "records.jsonl:3: repeats the trial of line 2",
    ),
    "a configuration changed by hand": (
        lambda root: line_of(root, 2, lambda line: line.replace(b'"epochs": ', b'"epochs": 1', 1)),
        "its configuration is that of trial ",
    ),
    "another seed than that of its configuration": (
        lambda root: line_of(root, 2, with_values(seed=7)),
        "records.jsonl:2: seed: 7, and ",
    ),
    "another balancer than that of its configuration": (
        lambda root: line_of(root, 2, with_values(balancer="smote_or_so")),
        "records.jsonl:2: balancer: 'smote_or_so', and ",
    ),
    "a score edited by hand": (
        lambda root: line_of(root, 2, lambda line: edited_score(line, "minority_f1", 0.99)),
        "validation minority_f1 is 0.99, and ",
    ),
    "a score taken away by hand": (
        lambda root: line_of(root, 2, lambda line: edited_score(line, "minority_f1", None)),
        "validation minority_f1 is nan, and ",
    ),
    "a score that no fit has": (
        lambda root: line_of(root, 2, lambda line: edited_score(line, "beauty", 0.5)),
        "validation beauty is 0.5, and nan in ",
    ),
    "a gain edited by hand": (
        lambda root: line_of(root, last_of(root, "search"), with_values(objective=0.99)),
        ": objective is 0.99, and ",
    ),
    "a gain taken away": (
        lambda root: line_of(root, last_of(root, "search"), with_values(objective=None)),
        ": objective is missing, and ",
    ),
    "a gain where none is measured": (
        lambda root: line_of(root, last_of(root, "confirm"), with_values(objective=0.99)),
        ": objective is 0.99, and missing by its scores and baseline",
    ),
    "a baseline edited by hand": (
        lambda root: line_of(root, last_of(root, "search"), with_values(baseline=0.125)),
        ": baseline is 0.125, and ",
    ),
    "a baseline where nothing is measured against it": (
        lambda root: line_of(root, last_of(root, "confirm"), with_values(baseline=0.125)),
        ": baseline is 0.125, and only search trials have one",
    ),
    "another number of fits": (
        lambda root: line_of(root, 2, with_values(num_fits=9)),
        ": num_fits is 9, and 3 in artifacts/",
    ),
    "another spread": (
        lambda root: line_of(root, 2, with_values(fit_spread=0.5)),
        ": fit_spread is 0.5, and 0.016 in artifacts/",
    ),
    "a confirmation that says it was searched": (
        lambda root: line_of(root, last_of(root, "confirm"), with_values(phase="search")),
        ": phase is search, and its configuration reads the test set",
    ),
    "a search trial that says it is a baseline": (
        lambda root: line_of(root, last_of(root, "search"), with_values(phase="baseline")),
        ": phase is baseline, with search",
    ),
    "a baseline that says it was searched": (
        lambda root: line_of(root, 2, with_values(phase="search")),
        ": phase is search, without search",
    ),
    "a failure with scores": (
        lambda root: line_of(root, 2, with_values(status="failed")),
        ": status is failed, with scores",
    ),
    "a stop without its reason": (
        lambda root: line_of(root, last_of(root, "search"), with_values(status="pruned")),
        ": status is pruned, without stop",
    ),
    "milestones taken away": (
        lambda root: line_of(root, last_of(root, "search"), with_rung(2)),
        ": 0 milestones, and 2 in search.rung",
    ),
    "no configuration": (
        lambda root: line_of(root, 2, with_values(config={})),
        "records.jsonl:2: config.balancing.name: a value is needed",
    ),
    "another setting": (
        lambda root: line_of(root, 2, with_values(setting_id="0123456789ab")),
        "its configuration is of setting ",
    ),
    "an artifact gone": (lambda root: first_artifact(root).unlink(), ".npz: is missing"),
    "an artifact cut": (
        lambda root: first_artifact(root).write_bytes(first_artifact(root).read_bytes()[:-30]),
        ".npz: cannot be read",
    ),
    "a pickled artifact": (
        lambda root: np.savez(first_artifact(root), **{"test/labels": np.array([{}], dtype=object)}),
        ".npz: test/labels: object [1 axes] is not int64 [test]",
    ),
    "the artifacts of two trials exchanged": (
        exchange_artifacts,
        ".npz: contains other arrays than the record lists",
    ),
    "selection": (lambda root: (root / "selection.json").write_text("{"), "selection.json: is damaged"),
    "no selection": (
        lambda root: (root / "selection.json").unlink(),
        "selection.json: is missing, though trials were confirmed",
    ),
    "no storage": (lambda root: (root / "optuna.db").unlink(), "optuna.db: is missing"),
    "no database": (
        lambda root: (root / "optuna.db").write_text("x" * 4096),
        "optuna.db: cannot be read",
    ),
    "a row too many": (a_row_more, "optuna.db: trial None: RUNNING, without a record"),
    "a row with another value": (another_value, ", without a record"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_is_named(root, name):
    damage, message = DAMAGES[name]
    damage(root)
    before = contents(root)
    checked = check_study(root)
    assert not checked.is_sound
    assert any(message in str(finding) for finding in checked.findings if finding.is_wrong), findings(root)
    assert contents(root) == before


@pytest.mark.parametrize("section", OTHERS)
def test_a_study_with_the_records_of_another_is_not_resumed(root, section):
    put_another_studys_manifest(root, section)
    shutil.copy(root.parent / "other" / "origin.json.gz", root)
    before = contents(root)
    with pytest.raises(DataError, match=f"records.jsonl:1: trial .* has {section} of another study"):
        resume_study(root)
    # The lock is all that was made.
    assert {path: held for path, held in contents(root).items() if path.name != "driver.lock"} == before


def test_a_selected_trial_without_a_record_is_named(root):
    configurations = json.loads((root / "selection.json").read_text())["configurations"]
    chosen = next(filter(None, (each["selection"]["trial_id"] for each in configurations)))
    path = root / "records.jsonl"
    lines = [line for line in path.read_text().splitlines(True) if json.loads(line)["trial_id"] != chosen]
    path.write_text("".join(lines))
    assert f"selection.json: names trial {chosen}, which has no record" in findings(root)


def test_what_is_wrong_with_rounds_of_seeds_is_found(tmp_path):
    config = parse_study({**STUDY, "search": {**STUDY["search"], "trials": 0}, "confirm": DECIDED})
    simulation, root = Simulation(), tmp_path / "study"
    simulation.run(config, num_workers=1, seed=0, open_arms=lambda simulation: frozenset(all_arms(config)))
    write_study(root, simulation.records.values(), closed=simulation.closed, config=config)
    assert [str(each) for each in check_study(root).findings] == [
        "rounds.json: is missing, though trials of round 2 were confirmed"
    ]
    write_rounds(root / "rounds.json", simulation.rounds)
    checked = check_study(root)
    assert checked.findings == () and checked.is_finished
    assert str(checked.num_trials) == str(len(simulation.records))
    write_rounds(root / "rounds.json", replace(simulation.rounds, end=None))
    assert not check_study(root).is_finished
    unknown = SeedRound(seeds=(1, 2), arms=(Arm(balancer="dcgan", ratio=5.0),))
    write_rounds(root / "rounds.json", Rounds(rounds=(unknown,), end="decided"))
    assert findings(root) == ["rounds.json: 'dcgan' at ratio 5.0 is confirmed, but no settings were chosen"]
    (root / "rounds.json").write_text("{")
    assert findings(root) == [
        "rounds.json: is damaged: not JSON (Expecting property name enclosed in double quotes)"
    ]


DECIDED = {"seeds": [1, 2], "until": "decided", "most_seeds": 3}


def test_what_a_killed_driver_leaves_is_no_damage(tmp_path, simulation):
    root = tmp_path / "study"
    earlier = [record for record in simulation.records.values() if record.phase != "confirm"]
    write_study(root, earlier, closed=None, decisions=simulation.decisions)
    a_row_more(root)
    with (root / "records.jsonl").open("a") as file:
        file.write('{"trial_id": "ha')
    (root / "artifacts" / "halfway.npz").write_bytes(b"x")
    (root / "artifacts" / ".halfway.npz.0f.partial").write_bytes(b"x")
    (root / "cache").mkdir()
    (root / "importance.json").write_text("{")
    checked = check_study(root)
    assert checked.is_sound and not checked.is_finished
    assert [str(finding) for finding in checked.findings] == [
        f"records.jsonl:{len(earlier) + 1}: is incomplete; resuming removes it and runs its trial again",
        "importance.json: is damaged: not JSON (Expecting property name enclosed in double quotes); "
        "`gan-study report` writes it again",
        "optuna.db: trial None: RUNNING, without a record",
        "artifacts/.halfway.npz.0f.partial: left over, half written",
        "artifacts/halfway.npz: left over, belongs to no recorded trial",
    ]


def test_scratch_is_left_over_once_the_study_is_finished(root):
    (root / "cache").mkdir()
    assert findings(root) == ["cache: left over, not needed, the study is finished"]
    assert check_study(root).is_sound
