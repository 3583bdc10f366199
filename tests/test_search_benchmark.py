"""The benchmark of the search: what it simulates, and how busy workers are."""

import pytest

from benchmarks.made_up import Spreads, World, landscape_of, run_study, study_of
from benchmarks.search import SEARCHES, best_observed, busy_share, nodes_of, queue_share, this_search
from benchmarks.workers import Nodes, Workers


def test_a_landscape_has_its_top_so_much_above_the_default():
    config = study_of(["dcgan"], 25)
    found = landscape_of(config, "dcgan", room=0.07, seed=1)
    assert found.true_gain(found.default, found.default_length) == pytest.approx(0.05)
    low, high = (dict(zip(found.optimum, edge, strict=True)) for edge in ([0] * 4, [1] * 4))
    assert all(low[key] <= top <= high[key] for key, top in found.optimum.items())
    # Half-trained it is worse, and beyond its own length no better.
    half = found.true_gain(found.default, found.default_length // 2)
    assert half < 0.05 == pytest.approx(found.true_gain(found.default, 3 * found.default_length))


def test_scores_scatter_as_they_were_measured():
    config = study_of(["dcgan"], 25)
    found = landscape_of(config, "dcgan", room=0.05, seed=0)
    length, true = found.default_length, 0.05
    scores = [found.score(found.default, length, seed=0, fits=4, world=world) - true for world in range(400)]
    spread = (sum(score**2 for score in scores) / 400) ** 0.5
    expected = (Spreads().setting ** 2 + Spreads().gan ** 2 + Spreads().fit ** 2 / 4) ** 0.5
    assert spread == pytest.approx(expected, rel=0.1)


def test_a_search_goes_through_the_real_planner_to_its_end():
    config = study_of(["dcgan"], 25)
    landscape = landscape_of(config, "dcgan", room=0.05, seed=0)
    found = run_study(config, World(landscapes={"dcgan": landscape}, seed=0), nodes=Nodes(workers=3))
    (selected,) = found.closed.configurations
    assert selected.selection.check_gain is not None
    assert sum(each.kind == "suggestion" for each in found.decisions) <= 25


def test_the_best_observed_score_is_too_high_and_costs_every_step():
    found = best_observed(0, (0.05, 0.1), 4, startup_trials=4)
    assert found.optimism > 0 and found.gan_steps > 2
    assert len(SEARCHES) == 6


def test_a_queue_leaves_workers_idle_only_at_its_end():
    assert queue_share(1, 20) == pytest.approx(1)
    # With as many workers as trials, all wait for the longest: mean over largest of 1,000 lognormal times.
    assert queue_share(1000, 1000) == pytest.approx(0.22, abs=0.05)
    assert queue_share(8, 80) < queue_share(8, 800) < 1


@pytest.mark.slow
def test_stops_save_steps():
    assert this_search(0, (0.05, 0.1), 25).gan_steps < 25


@pytest.mark.slow
def test_workers_are_busy_while_the_search_runs():
    """32 workers and 300 trials in docs/benchmarks.md; here a quarter of both."""
    assert busy_share(nodes_of(8, change=False), 75 + 25) > 0.75


@pytest.mark.slow
def test_what_a_node_takes_along_is_finished_elsewhere_and_waits_for_nobody():
    assert busy_share(nodes_of(8, change=True), 75 + 25, pruning={}) > 0.7


class Hour:
    """A task of an hour, which begins anew where its node went."""

    def __init__(self):
        self.began = []

    def begin(self, clock):
        self.began.append(clock)

    def next_time(self):
        return self.began[-1] + 1.0


class OneGoes(Nodes):
    """The first node is away from 0.5 to 3 hours."""

    def switches(self, node, *, seed):
        yield from ((0.5, 3.0, 100.0) if node == 0 else (100.0,))


def test_a_node_that_goes_takes_its_tasks_along_and_no_time_of_its_is_offered():
    workers = Workers(OneGoes(number=2, workers=1), seed=0)
    first, second = Hour(), Hour()
    workers.begin(first)
    workers.begin(second)
    assert not workers.are_free
    assert workers.wait() == [first]
    assert not workers.are_free and (workers.used, workers.offered) == (1.0, 1.0)
    number, task = workers.wait()
    assert task is second and (workers.used, workers.offered) == (1.5, 1.5)
    workers.end(number)
    workers.begin(first)
    assert first.began == [0.0, 1.0]
    _, task = workers.wait()
    assert task is first and (workers.used, workers.offered) == (2.5, 2.5)
    assert workers.wait() == [] and workers.are_free
