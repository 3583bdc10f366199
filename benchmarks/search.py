"""What a search is worth, on planted landscapes with measured noise: `python -m benchmarks.search`.

Whole studies run through the real planner, trials being made up: a setting's true gain is known, and what a trial
would measure is drawn around it with the spreads that were measured on real sets. So it can be said how often a
search chooses what is worse than the default, how much it gains, for how many GAN steps, and how far its score is
off. The tables go into docs/benchmarks.md.
"""

import argparse
import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import fmean, stdev

import numpy as np
from optuna.trial import FrozenTrial, create_trial
from pydantic import JsonValue

from benchmarks.made_up import Landscape, World, landscape_of, length_of, run_study, study_of
from benchmarks.page import put_lines
from benchmarks.workers import Nodes
from gan_study.search_spaces.optuna_adapter import distribution
from gan_study.search_spaces.space import BALANCER
from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.searcher import suggestion
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.trial.config import gan_settings


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one search came to, gains being over the default."""

    gain: float
    """The true gain of what was chosen."""
    optimism: float
    """How much too high the score is that is reported for it."""
    gan_steps: float
    """Steps of all GANs, the length of the default being 1."""


def this_search(world: int, rooms: tuple[float, float], trials: int) -> Found:
    """A search by the product's planner, race, last round and check included."""
    config = study_of([VARIANT], trials)
    landscape = draw_landscape(config, rooms, world)
    found = run_study(config, World(landscapes={VARIANT: landscape}, seed=world), nodes=Nodes(workers=1))
    assert found.closed is not None
    (selected,) = found.closed.configurations
    balancer = selected.balancing.dump()
    chosen = {key: _value_at(balancer, key) for key in landscape.optimum}
    gan, reported = gan_settings(selected.balancing), selected.selection.validation_objective
    assert gan is not None
    true = landscape.true_gain(chosen, length_of(gan))
    return Found(
        gain=true - landscape.default_gain,
        # Nothing is reported where nothing was compared.
        optimism=0.0 if reported is None else reported - true,
        gan_steps=found.gan_steps / landscape.default_length,
    )


def best_observed(world: int, rooms: tuple[float, float], trials: int, *, startup_trials: int) -> Found:
    """What had the best score of the default and further full-length trials: random ones, then TPE's."""
    config = study_of([VARIANT], trials)
    landscape, space = draw_landscape(config, rooms, world), config.space()
    (length_key,) = (key for key in space.keys_of(VARIANT) if key not in landscape.optimum)
    fixed: dict[str, Scalar] = {BALANCER: VARIANT}
    history: list[FrozenTrial] = []
    points: list[tuple[float, float, int]] = []
    for number in range(trials):
        point = {**fixed, **landscape.default, length_key: landscape.default_length}
        if number:
            suggested = suggestion(
                space,
                number=number,
                seed=world,
                startup_trials=startup_trials,
                fixed=fixed,
                history=history,
                taken=frozenset(),
            )
            assert suggested is not None
            point = suggested
        length, params = int(point[length_key]), {key: point[key] for key in landscape.optimum}
        score = landscape.score(params, length, seed=0, fits=3, world=world)
        points.append((score, landscape.true_gain(params, length), length))
        ranges = {key: distribution(space.parameters[key]) for key in point}
        history.append(create_trial(value=score, params=dict(point), distributions=ranges))
    score, true, _ = max(points)
    return Found(
        gain=true - landscape.default_gain,
        optimism=score - true,
        gan_steps=sum(length for *_, length in points) / landscape.default_length,
    )


def draw_landscape(config: StudyConfig, rooms: tuple[float, float], world: int) -> Landscape:
    """The landscape of a world: with so much room above the default."""
    room = float(numpy_generator(world, "room").uniform(*rooms))
    return landscape_of(config, VARIANT, room=room, seed=world)


def _value_at(balancing: Mapping[str, JsonValue], key: str) -> Scalar:
    value: JsonValue = dict(balancing)
    for name in key.split("/")[1:]:
        assert isinstance(value, dict)
        value = value[name]
    assert isinstance(value, int | float)
    return value


VARIANT = "dcgan"
ROOMS = {"little, 0.01 to 0.04": (0.01, 0.04), "much, 0.05 to 0.10": (0.05, 0.10)}
SEARCHES: Mapping[str, Callable[[int, tuple[float, float]], Found]] = {
    "the default alone": lambda world, rooms: Found(gain=0.0, optimism=0.0, gan_steps=0.0),
    "0.1.0: best observed of 4, random": partial(best_observed, trials=4, startup_trials=4),
    "0.1.0: best observed of 16, 4 random": partial(best_observed, trials=16, startup_trials=4),
    "full-length TPE: best observed of 32": partial(best_observed, trials=32, startup_trials=10),
    "this search, 25 trials": partial(this_search, trials=25),
    "this search, 35 trials": partial(this_search, trials=35),
}


def search_table(worlds: int) -> Iterator[str]:
    """What each way of searching comes to, a row for each and for little and much room."""
    yield "| room above the default | search | gain | worse than the default | score too high by | GAN steps |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for (room, rooms), (name, search) in product(ROOMS.items(), SEARCHES.items()):
        found = [search(world, rooms) for world in range(worlds)]
        gain, error = fmean(each.gain for each in found), stdev(each.gain for each in found) / worlds**0.5
        worse = fmean(each.gain < -1e-9 for each in found)
        optimism, steps = fmean(each.optimism for each in found), fmean(each.gan_steps for each in found)
        yield (f"| {room} | {name} | {gain:+.4f} ± {error:.4f} | {worse:.0%} | {optimism:+.3f} | {steps:.1f} |")


def busy_table(sizes: Mapping[int, tuple[int, int]]) -> Iterator[str]:
    """How busy workers are while a study of eight variants searches: by number of workers, trials and worlds."""
    yield "| workers | search trials | share of the workers' time used | least and most | worlds | a queue |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for num_workers, (trials, worlds) in sizes.items():
        stay, change = (nodes_of(num_workers, change=change) for change in (False, True))
        ways: dict[str, tuple[Nodes, dict[str, JsonValue] | None]] = {
            "full length": (stay, None),
            "early stops": (stay, {}),
            "early stops, nodes change": (change, {}),
        }
        for said, (nodes, pruning) in ways.items():
            shares = [busy_share(nodes, trials, seed=seed, pruning=pruning) for seed in range(worlds)]
            ends = f"{min(shares):.0%}, {max(shares):.0%}" if worlds > 1 else ""
            queue = f"{queue_share(num_workers, trials):.0%}" if pruning is None else ""
            yield f"| {num_workers} | {trials:,}, {said} | {fmean(shares):.0%} | {ends} | {worlds} | {queue} |"


def nodes_of(num_workers: int, *, change: bool) -> Nodes:
    """Nodes of four workers; if they `change`, a node stays for ten trials' time and is away for two."""
    spot = {"stays": 10.0, "is_away": 2.0} if change else {}
    return Nodes(number=num_workers // 4, workers=4, **spot)


# Of the lognormal times of trials.
SIGMA = 0.5
EIGHT = ("vanilla_gan", "wgan_gp", "dcgan", "lsgan", "wgan", "dragan", "fc_dcgan", "r3gan")


def busy_share(nodes: Nodes, trials: int, *, seed: int = 0, pruning: dict[str, JsonValue] | None = None) -> float:
    """The share of the workers' time that is used until the last trial of the search has ended.

    Trials take lognormal times.
    """
    config = study_of(EIGHT, trials, pruning=pruning)
    rng = numpy_generator(seed, "variants")
    landscapes = {
        name: landscape_of(config, name, room=0.05, seed=seed, default_gain=float(rng.normal(0.05, 0.03)))
        for name in EIGHT
    }
    return run_study(config, World(landscapes=landscapes, seed=seed), nodes=nodes, sigma=SIGMA).busy


def queue_share(num_workers: int, trials: int, *, worlds: int = 20) -> float:
    """The share of the workers' time that is used where each takes the next of so many trials at once.

    Nothing is decided between them: no search keeps workers busier unless it knows which trials take long.
    """
    shares = []
    for seed in range(worlds):
        times = np.exp(SIGMA * numpy_generator(seed, "queue").standard_normal(trials))
        free_at = [0.0] * num_workers
        for seconds in times:
            heapq.heapreplace(free_at, free_at[0] + float(seconds))
        shares.append(float(times.sum()) / num_workers / max(free_at))
    return fmean(shares)


def main() -> None:
    """Simulate, and put the tables into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=100, help="searches of each row")
    parser.add_argument("--large", action="store_true", help="512 workers and 5,000 trials too")
    options = parser.parse_args()
    sizes = {32: (300, 6), **({512: (5_000, 1)} if options.large else {})}
    said = f"{options.worlds} searches a row; gains in F1, ± their standard error."
    until = (
        "Time until the last trial of the search has ended, including confirm trials with five seeds that run at "
        "the same time:"
    )
    tables = [said, "", *search_table(options.worlds), "", until, "", *busy_table(sizes)]
    put_lines("benchmarks.md", "search", tables)


if __name__ == "__main__":
    main()
