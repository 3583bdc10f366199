"""What of a long search the sampler learns from."""

from optuna.trial import FrozenTrial, TrialState, create_trial

from gan_study.study.plan.searcher import BEST_KNOWN, MOST_KNOWN, worth_knowing


def _complete(value: float) -> FrozenTrial:
    return create_trial(value=value)


_RUNNING = create_trial(state=TrialState.RUNNING)
_PRUNED = create_trial(state=TrialState.PRUNED, intermediate_values={1: 99.0})


def test_a_short_history_is_known_as_it_is() -> None:
    history = [_complete(0.1), _RUNNING, _PRUNED] + [_complete(0.0)] * (MOST_KNOWN - 2)
    assert worth_knowing(history) == history


def test_of_a_long_history_the_best_and_the_latest_are_known() -> None:
    oldest = [_complete(0.5 + place) for place in range(BEST_KNOWN - 1)]
    forgotten = [_PRUNED, *([_complete(0.0)] * 200), _RUNNING]
    latest = [_complete(0.1)] * (MOST_KNOWN - BEST_KNOWN) + [_complete(0.2)]
    history = oldest + forgotten + latest
    assert worth_knowing(history) == [*oldest, _RUNNING, *latest]


def test_all_that_run_are_known() -> None:
    assert worth_knowing([_RUNNING] * (3 * MOST_KNOWN)) == [_RUNNING] * (3 * MOST_KNOWN)


def test_the_latest_are_known_where_nothing_came_to_its_end() -> None:
    history = [_PRUNED] * MOST_KNOWN + [create_trial(state=TrialState.FAIL)] * MOST_KNOWN
    assert worth_knowing(history) == history[MOST_KNOWN:]
