"""How a study that left things out because of a time budget is extended to the requested study.

The current state of the study is the starting point. The only result that depends on a probe's measurement is
whether a study fits, so two slightly different measurements give the same study or a neighbouring one.
"""

from collections.abc import Iterator
from dataclasses import replace

from gan_study.search_spaces.space import BALANCER
from gan_study.study.plan import costs, time_plan
from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.fits import MOST_FITS
from gan_study.study.plan.selection import choice_settings
from gan_study.study.plan.time_plan import SHARES_OF_LENGTH, Machine, Plan, Records, forecast_of, lengths_of
from gan_study.trainables.gans.length import TrainingLength


def plan_on(
    asked: StudyConfig, current: Plan, machine: Machine, seconds: float, recorded: Records, *, is_done: bool
) -> Plan:
    """How a study that was requested as `asked` and has run as `current` continues for `seconds`.

    It keeps everything it has, and adds what fits. If nothing fits, it continues unchanged or, if it `is_done`, as
    the next larger study, of which only those trials start that end in time.
    """
    plans = list(extensions(asked, current))

    def fits(plan: Plan) -> bool:
        # What was chosen stays chosen only where it would not be chosen again.
        is_chosen = choice_settings(plan.config) == choice_settings(current.config)
        known = recorded if is_chosen else replace(recorded, closed=None)
        return forecast_of(plan, machine, known).total <= seconds

    larger = next((plan for plan in reversed(plans[1:]) if fits(plan)), None)
    return larger or plans[min(1, len(plans) - 1) if is_done else 0]


def extensions(asked: StudyConfig, current: Plan) -> Iterator[Plan]:
    """The `current` study, then ever larger ones up to the one `asked` for.

    What `time_plan.concessions` leaves out last comes back first; seeds, methods and GANs one by one in their
    order.
    """
    plan = current
    yield plan
    for restore in (_lengths, _methods, _seeds, _gans, _floors, _fits, _rounds, _search):
        for larger in restore(plan, asked):
            yield (plan := larger)
    if plan.config != asked:
        # Changed by hand in a way that no concession makes.
        yield Plan(config=asked)


def _lengths(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    """GANs longer, up to the least length that was asked for."""
    now = lengths_of(plan.config)
    whole = {name: gan for name, gan in lengths_of(asked).items() if name in now}
    short = {name: costs.at_floor(gan) for name, gan in whole.items() if _length(now[name]) < _length(gan)}
    if not short:
        return
    for share in reversed(SHARES_OF_LENGTH):
        longer = time_plan.with_share_of_lengths(plan, short, share)
        if all(_length(lengths_of(longer.config)[name]) > _length(now[name]) for name in short):
            yield (plan := longer)
    yield plan.with_all("lengths", time_plan.with_lengths(plan.config, short))


def _length(length: TrainingLength) -> int:
    """The least length of a training, in its own unit."""
    return length.epochs or length.generator_steps or 0


def _methods(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    left_out = [name for name in asked.baselines if name not in plan.config.baselines]
    for num_added in range(1, len(left_out)):
        yield (plan := time_plan.without_methods(plan, left_out[num_added:], asked=asked.baselines))
    if left_out:
        yield plan.with_all("methods", replace(plan.config, baselines=asked.baselines))


def _seeds(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    seeds = asked.confirm.seeds
    left_out = [seed for seed in seeds if seed not in plan.config.confirm.seeds]
    for num_added in range(1, len(left_out)):
        some = tuple(seed for seed in seeds if seed not in left_out[num_added:])
        yield (plan := time_plan.with_seeds(plan, some, asked=seeds))
    if left_out:
        yield plan.with_all("seeds", replace(plan.config, confirm=replace(plan.config.confirm, seeds=seeds)))


def _gans(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    names = asked.space().balancers
    left_out = [name for name in names if name not in plan.config.space().balancers]
    for num_added in range(1, len(left_out)):
        yield (plan := time_plan.without_gans(plan, left_out[num_added:], asked=names))
    if left_out:
        parameters = {**plan.config.search.parameters, BALANCER: asked.search.parameters[BALANCER]}
        search = replace(plan.config.search, parameters=parameters)
        yield plan.with_all("gans", replace(plan.config, search=search))


def _floors(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    if plan.config.balancers != asked.balancers:
        yield plan.with_all("floors", replace(plan.config, balancers=asked.balancers))


def _fits(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    now, most = plan.config.confirm.fits, asked.confirm.fits
    if now == most:
        return
    if now != "auto":
        for fits in range(now + 1, MOST_FITS + 1 if most == "auto" else most):
            yield (plan := time_plan.with_fits(plan, fits, asked=most))
    yield plan.with_all("fits", replace(plan.config, confirm=replace(plan.config.confirm, fits=most)))


def _rounds(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    if "rounds" in plan.left_out:
        yield plan.with_all("rounds")


def _search(plan: Plan, asked: StudyConfig) -> Iterator[Plan]:
    now, most = plan.config.search.trials, time_plan.num_search_trials(asked)
    if now == asked.search.trials:
        return
    for trials in sorted(each for each in time_plan.shorter_searches(asked) if each > now):
        yield (plan := time_plan.with_search(plan, trials, asked=most))
    yield plan.with_all(
        "search", replace(plan.config, search=replace(plan.config.search, trials=asked.search.trials))
    )
