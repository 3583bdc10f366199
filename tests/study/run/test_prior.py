"""An earlier study's search trials."""

from dataclasses import replace

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.prior import read_prior
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.fingerprint import Fingerprint
from tests.analysis.planted import plain_record, planted_record, search_trials
from tests.study.plan.test_planner import STUDY

CONFIG = parse_study(STUDY)
DATA = Fingerprint(pool={"a/0.png": "00"}, test={"a/1.png": "01"})
SEARCHED = search_trials("dcgan", (0.1, 0.2), first=0)


def studied(root, records, *, data=DATA):
    create_study_folder(root, CONFIG, {}, data=data)
    lines = [plain_record(record).to_line() + "\n" for record in records]
    StudyFolder(root).records.write_text("".join(lines))
    return root


def read(folder, **changes):
    """What a study of the same data, but for `changes` of their settings, reads."""
    return read_prior(str(folder), data=replace(CONFIG.data, **changes), pool_digest=DATA.pool_digest)


def test_only_the_search_trials_of_a_study_are_read(tmp_path):
    unbalanced = planted_record(balancer="none", seed=1, validation=0.4, test=0.4)
    root = studied(tmp_path / "study", [*SEARCHED, unbalanced])
    assert [each.trial_id for each in read(root)] == [each.trial_id for each in SEARCHED]
    assert len(read(root, root="/where/they/lie/now")) == 2


def test_a_folder_without_search_trials_is_refused_by_its_name(tmp_path):
    root = studied(tmp_path / "study", [replace(each, search=None, phase="confirm") for each in SEARCHED])
    with pytest.raises(ConfigError, match=rf"search.from: '{root}' has no study with search trials"):
        read(root)


def test_a_study_of_other_data_is_refused(tmp_path):
    root = studied(tmp_path / "study", SEARCHED)
    with pytest.raises(ConfigError, match=r"is a study with different data: data.image_size 28 instead of 12$"):
        read(root, image_size=12)
    with pytest.raises(ConfigError, match=r"is a study with different data: other images in its pool$"):
        read_prior(str(root), data=CONFIG.data, pool_digest=Fingerprint(pool={"a": "02"}, test={}).pool_digest)
    # An early version wrote no digests: the settings alone tell.
    assert len(read(studied(tmp_path / "early", SEARCHED, data=None))) == 2
