"""`--trials`: a search that is opened again, and where there is nothing to add."""

import pytest

from gan_study.analysis.records.load import load_study
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.decisions import ConfirmFits
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.selection import write_selection
from gan_study.study.run.decision_store import DecisionStore, read_decisions
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.more_trials import take_to_trials
from gan_study.study.run.record_store import RecordStore
from gan_study.trainables.base.settings import ConfigError
from tests.study.plan.test_planner import STUDY
from tests.study.simulation import Simulation

VARIANTS = ["vanilla_gan", "dcgan", "lsgan", "wgan_gp", "cgan", "acgan"]


def searching(trials):
    parameters = {"balancing/name": {"kind": "choice", "options": VARIANTS}}
    return parse_study({**STUDY, "search": {"parameters": parameters, "trials": trials, "trials_each": 8}})


def simulate(folder, config):
    """A study that has come to its end, as simulated."""
    create_study_folder(folder.root, config, {})
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0)
    store, decided = RecordStore(folder.records), DecisionStore(folder.decisions)
    for record in simulation.records.values():
        store.append(record)
    for decision in simulation.decisions:
        decided.append(decision)
    write_selection(folder.selection, simulation.closed)
    return simulation


# 24 trials search one variant, 30 and more two: by another race than the one that was run.
@pytest.mark.parametrize(("before", "after"), [(0, 24), (24, 44), (30, 36)])
def test_further_trials_are_run_and_what_is_confirmed_is_chosen_from_all(tmp_path, before, after):
    folder = StudyFolder(tmp_path / "study")
    simulation = simulate(folder, searching(before))
    records, fits = dict(simulation.records), simulation.closed.fits
    manifest = take_to_trials(folder.root, after)
    assert manifest == read_manifest(folder.root) and manifest.config == searching(after)
    assert not folder.selection.exists()
    assert [(each.key, each.before, each.after) for each in load_study(folder.root).changes] == [
        ("search.trials", before, after)
    ]
    simulation.closed, simulation.decisions = None, list(read_decisions(folder.decisions))
    assert ConfirmFits(fits=fits) in simulation.decisions
    simulation.run(manifest.config, num_workers=1, seed=0)
    assert records.items() <= simulation.records.items()
    searched = simulation.phase("search")
    assert sum(record.phase == "search" for record in records.values()) < len(searched) <= after
    assert simulation.closed.num_searched == len(searched) and simulation.closed.fits == fits


def test_the_races_of_the_two_sizes_differ():
    one, two = plan_search(searching(24)), plan_search(searching(30))
    assert (one.survivors, two.survivors) == (1, 2)
    assert not set(one.splits) <= set(two.splits)


def test_as_many_trials_as_there_are_or_too_few_to_search_is_one_line(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    create_study_folder(folder.root, searching(4), {})
    before = folder.manifest.read_bytes()
    for trials, message in ((4, "already has 4 search trials; ask for more"), (5, "nothing would be searched")):
        with pytest.raises(ConfigError, match=rf"^--trials {trials}: .*{message}"):
            take_to_trials(folder.root, trials)
    assert folder.manifest.read_bytes() == before
