"""A study that was short of time goes on: what was asked for, what is chosen anew, and what nobody forgets."""

import json
from dataclasses import replace

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms, read_rounds, write_rounds
from gan_study.study.plan.selection import write_selection
from gan_study.study.plan.time_plan import Plan
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.going_on import go_on_as, note_cuts, reopen_rounds
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore
from gan_study.trainables.base.settings import dump
from gan_study.trainables.records.study_header import TimePlan
from tests.study.plan.test_planner import STUDY
from tests.study.simulation import Simulation

ASKED = parse_study(STUDY)
PLANNED = parse_study(
    {**STUDY, "search": {**STUDY["search"], "trials": 0}, "confirm": {"seeds": [1, 2], "fits": 1}}
)
LEFT_OUT = {"search": "no search", "seeds": "2 seeds instead of 3"}
PLAN = TimePlan(budget_seconds=600, asked=dump(ASKED), left_out=LEFT_OUT)


@pytest.fixture
def short(tmp_path):
    """The folder of a study that was planned for ten minutes, and is complete so far as that goes."""
    folder = StudyFolder(tmp_path / "study")
    create_study_folder(folder.root, PLANNED, {}, time_plan=PLAN)
    simulation = Simulation()
    simulation.run(PLANNED, num_workers=1, seed=0)
    store = RecordStore(folder.records)
    for record in simulation.records.values():
        store.append(record)
    write_selection(folder.selection, simulation.closed)
    return folder


def header(folder):
    return json.loads(folder.manifest.read_text())


def test_the_header_has_the_planned_study_and_the_one_that_was_asked_for(short):
    manifest = read_manifest(short.root)
    assert manifest.config == PLANNED
    assert manifest.asked == ASKED
    assert manifest.time_plan == PLAN and manifest.time_plan.sentences == tuple(LEFT_OUT.values())


def test_going_on_to_all_that_was_asked_for_searches_and_chooses_anew(short):
    records = short.records.read_bytes()
    manifest = go_on_as(short.root, read_manifest(short.root), Plan(config=ASKED), None)
    assert (manifest.config, manifest.time_plan) == (ASKED, None)
    assert not short.selection.exists()
    assert short.records.read_bytes() == records
    # Seeds that were added after the gains were looked at are no part of the plan.
    assert header(short)["verdicts"]["looks"] == [2]
    methods = {name for family in header(short)["verdicts"]["families"] for name in family["methods"]}
    assert {"vanilla_gan", "wgan_gp"} <= methods


def test_going_on_as_it_is_changes_nothing(short):
    before = short.manifest.read_bytes(), short.selection.read_bytes()
    go_on_as(short.root, read_manifest(short.root), Plan(config=PLANNED, left_out=LEFT_OUT), PLAN)
    assert (short.manifest.read_bytes(), short.selection.read_bytes()) == before


def test_a_search_that_was_cut_goes_on_and_one_that_was_not_stays_closed(short):
    whole = read_manifest(short.root)
    longer = replace(PLAN, budget_seconds=700)
    go_on_as(short.root, whole, Plan(config=PLANNED), longer)
    assert short.selection.exists()
    searching = replace(PLANNED, search=replace(PLANNED.search, trials=4))
    cut = replace(whole, config=searching)
    go_on_as(short.root, cut, Plan(config=searching), longer)
    assert not short.selection.exists()


def test_seeds_of_the_first_round_stay_where_rounds_bring_the_others(tmp_path):
    decided = {"seeds": [1, 2, 3, 4], "until": "decided", "most_seeds": 8, "fits": 1}
    asked = parse_study({**STUDY, "confirm": decided})
    planned = replace(asked, confirm=replace(asked.confirm, seeds=(1, 2, 3)))
    plan = replace(PLAN, asked=dump(asked))
    manifest = create_study_folder(tmp_path / "study", planned, {}, time_plan=plan)
    assert manifest.asked == planned


def test_what_time_did_not_allow_is_noted(tmp_path):
    root = tmp_path / "study"
    manifest = create_study_folder(root, ASKED, {})
    noted = note_cuts(root, manifest, ["the search ended after 3 trials"], budget_seconds=60.0)
    assert noted == read_manifest(root)
    assert noted.time_plan.sentences == ("the search ended after 3 trials",)
    assert noted.asked == noted.config == ASKED


def test_rounds_that_ended_for_want_of_time_are_open_again_and_others_are_not(tmp_path):
    folder = StudyFolder(tmp_path)
    reopen_rounds(folder)
    assert not folder.rounds.exists()
    rounds = Rounds(rounds=(SeedRound(seeds=(1, 2, 3), arms=all_arms(ASKED)),))
    for end, after in (("time budget", None), ("decided", "decided")):
        write_rounds(folder.rounds, replace(rounds, end=end))
        reopen_rounds(folder)
        assert read_rounds(folder.rounds).end == after


def test_a_search_without_time_still_chooses_from_all_of_its_records():
    whole, short = Simulation(), Simulation()
    whole.run(ASKED, num_workers=1, seed=0)
    # Killed in the search, after 14 baselines and 9 trials, and resumed without time for more of it.
    short.run(ASKED, num_workers=1, seed=0, kill_after=23)
    short.run(ASKED, num_workers=1, seed=0, may_search=lambda number: False)
    assert len(short.phase("search")) == 9
    assert sum(each.selection.search_trials for each in short.closed.configurations) == 9
    # With time again it is the study that never was short of it, but for what was confirmed meanwhile.
    short.closed = None
    short.run(ASKED, num_workers=1, seed=0)
    assert short.closed == whole.closed
    assert whole.records.keys() <= short.records.keys()
