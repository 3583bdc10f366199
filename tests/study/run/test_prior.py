"""An earlier study's search trials."""

from dataclasses import replace

import pytest

from gan_study.study.run.prior import read_prior
from gan_study.trainables.base.settings import ConfigError
from tests.analysis.planted import planted_record, search_trials, write_study


def test_only_the_search_trials_of_a_study_are_read(tmp_path):
    searched = search_trials("dcgan", (0.1, 0.2), first=0)
    assert all(each.search is not None for each in searched)
    write_study(tmp_path, [*searched, planted_record(balancer="none", seed=1, validation=0.4, test=0.4)])
    assert [each.trial_id for each in read_prior(str(tmp_path))] == [each.trial_id for each in searched]


def test_a_folder_without_search_trials_is_refused_by_its_name(tmp_path):
    unsearched = [replace(each, search=None, phase="confirm") for each in search_trials("dcgan", (0.1,), first=0)]
    write_study(tmp_path, unsearched)
    with pytest.raises(ConfigError, match=f"search.from: '{tmp_path}' holds no study with search trials"):
        read_prior(str(tmp_path))
