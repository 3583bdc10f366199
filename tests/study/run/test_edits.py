"""`study.json` edited by hand: what is meant is carried out and noted, all else refused and named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gan_study.analysis.records.load import load_study
from gan_study.study.plan.changes import is_meant
from gan_study.study.plan.config import parse_study
from gan_study.study.run.edits import take_in_edits
from gan_study.study.run.folder import create_study_folder, find_edits_of_manifest, read_manifest, read_origin
from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch.check import check_study
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.fingerprint import Fingerprint
from tests.study.plan.test_planner import STUDY

CONFIG = parse_study({**STUDY, "search": {**STUDY["search"], "trials": 60}})
DATA = Fingerprint(pool={"a/0.png": "00"}, test={"a/1.png": "01"})


@pytest.fixture
def root(tmp_path):
    create_study_folder(tmp_path / "study", CONFIG, {}, data=DATA)
    return tmp_path / "study"


def edit(root, key, value):
    path, (*sections, name) = root / "study.json", key.split(".")
    values = json.loads(path.read_text())
    inner = values
    for section in sections:
        inner = inner[section]
    inner[name] = value
    path.write_text(json.dumps(values))


def test_nothing_is_told_of_a_manifest_that_nobody_edited(root):
    before = (root / "study.json").read_bytes()
    assert find_edits_of_manifest(root) == [] and load_study(root).is_as_written
    assert take_in_edits(root) == read_manifest(root)
    # Another order and other blanks are no edit.
    (root / "study.json").write_text(json.dumps(json.loads(before), sort_keys=True))
    assert find_edits_of_manifest(root) == []


def test_what_is_meant_is_carried_out_and_noted(root):
    edit(root, "config.wandb.mode", "offline")
    edit(root, "config.resources.max_concurrent", 3)
    assert not load_study(root).is_as_written
    notes = [str(each) for each in check_study(root).findings if each.where == "study.json"]
    assert len(notes) == 2 and all("resuming takes it over" in each for each in notes)
    config = take_in_edits(root).config
    assert (config.wandb.mode, config.resources.max_concurrent) == ("offline", 3)
    changes = [(each.key, each.before, each.after) for each in load_study(root).changes]
    assert sorted(changes) == [("resources.max_concurrent", None, 3), ("wandb.mode", "off", "offline")]
    assert find_edits_of_manifest(root) == [] and load_study(root).is_as_written
    assert read_origin(root).data == DATA


def test_more_seeds_and_trials_are_added_as_by_the_command(root):
    seeds = [*CONFIG.confirm.seeds]
    edit(root, "config.confirm.seeds", [*seeds, max(seeds) + 1])
    edit(root, "config.search.trials", 80)
    config = take_in_edits(root).config
    assert config.confirm.seeds == (*seeds, max(seeds) + 1) and config.search.trials == 80
    assert (root / "rounds.json").exists(), "the new seeds are a round of their own"


def test_other_seeds_than_the_command_would_add_are_refused(root):
    edit(root, "config.confirm.seeds", [*CONFIG.confirm.seeds, 99])
    with pytest.raises(ConfigError, match=r"^confirm\.seeds: .* or `resume --seeds"):
        take_in_edits(root)


EDITS = {
    "verdicts.margin": 0.5,
    "digests.pool": None,
    "name": "other",
    "study_id": "0",
    "created_at": "",
    "config.confirm.margin": 0.5,
}


@pytest.mark.parametrize("key", [*EDITS, "config.classifier.epochs", "config.data.image_size"])
def test_all_else_is_refused_and_named_and_nothing_is_written(root, key):
    edit(root, key, EDITS.get(key, 16))
    before = {path: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(
        ConfigError, match=rf"{key.removeprefix('config.')} \(.* before, .* now\); a study keeps"
    ) as e:
        take_in_edits(root)
    assert "\n" not in str(e.value)
    found = [each for each in check_study(root).findings if each.where == "study.json"]
    assert [each.is_wrong for each in found] == [True] and "resuming refuses it" in str(found[0])
    assert {path: path.read_bytes() for path in root.iterdir()} == before


def test_without_its_origin_an_edit_is_refused_all_the_same(root):
    (root / "origin.json.gz").unlink()
    assert find_edits_of_manifest(root) == []
    edit(root, "config.wandb.mode", "offline")
    with pytest.raises(ConfigError, match="the original is not known"):
        take_in_edits(root)
    assert any("the original is not known" in str(each) for each in check_study(root).findings if each.is_wrong)


def test_an_edit_is_found_where_seal_and_digest_were_removed_too(root):
    edit(root, "config.confirm.margin", 0.5)
    edit(root, "seal", None)
    with pytest.raises(ConfigError, match=r"confirm\.margin"):
        take_in_edits(root)


@given(content=st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_origin_is_one_line(root, content):
    StudyFolder(root).origin.write_bytes(content)
    with pytest.raises(ConfigError, match=r"origin\.json\.gz is damaged") as error:
        take_in_edits(root)
    assert "\n" not in str(error.value)
    assert any(each.where == "origin.json.gz" and each.is_wrong for each in check_study(root).findings)


def test_killed_between_manifest_and_origin_nothing_was_edited(root):
    origin = (root / "origin.json.gz").read_bytes()
    edit(root, "config.wandb.mode", "offline")
    take_in_edits(root)
    (root / "origin.json.gz").write_bytes(origin)
    assert find_edits_of_manifest(root) == []
    # The next resume writes the origin that was left out.
    take_in_edits(root)
    edit(root, "config.wandb.mode", "online")
    assert [(each.key, is_meant(each)) for each in find_edits_of_manifest(root)] == [("wandb.mode", True)]
    assert take_in_edits(root).config.wandb.mode == "online"
