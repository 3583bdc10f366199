"""Which GANs were still improving when their training ended."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import Condition, arm_of, confirmed, under
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import count, ratio_text

CUT_OFF = "still improving when it was cut off"
CUT_BY_BUDGET = "its length was cut by the time budget"
# As `FEWEST_IMAGES` of `trainables/balancing/training_length.py`, which loads torch; a test compares them.
FEWEST_COMPARED_IMAGES = 30


def length_limits(study: Study, condition: Condition, method: str) -> tuple[str, ...]:
    """Why longer trainings of the GANs of `method` might have shown more, one clause each; empty without a
    reason.
    """
    found = [each for each in under(confirmed(study.records), condition) if each.balancer == method]
    improving = any(record.gan is not None and record.gan.still_improving for record in found)
    limits = {CUT_OFF: improving, CUT_BY_BUDGET: _is_cut_by_budget(study, found, method)}
    return tuple(clause for clause, holds in limits.items() if holds)


def _is_cut_by_budget(study: Study, found: Sequence[Trial], method: str) -> bool:
    """Whether the time plan shortened what a method's GANs could be trained for."""
    plan = study.time_plan
    if plan is None or not {"floors", "lengths"} & plan.left_out.keys():
        return False
    asked, settled = (_gan_settings(config, method) for config in (plan.asked, study.config))
    if asked == settled:
        return False
    # The least length is all that there is for classes too small to hold images out of.
    return "lengths" in plan.left_out or any(map(_could_end_by_itself, found))


def _gan_settings(config: Mapping[str, JsonValue], method: str) -> JsonValue:
    """What a study's configuration says of the GAN of `method`, beside its defaults."""
    balancers = config.get("balancers")
    settings = balancers.get(method) if isinstance(balancers, dict) else None
    return settings.get("gan") if isinstance(settings, dict) else None


def _could_end_by_itself(record: Trial) -> bool:
    """Whether some rare class has images enough to be compared with; yes if nobody knows."""
    counts = record.class_counts
    return counts is None or any(
        counts.training[label] >= FEWEST_COMPARED_IMAGES for label in record.minority_classes
    )


def cut_off_arms(records: Sequence[Trial]) -> list[str]:
    """The methods with GANs that were still improving, and in how many trials."""
    arms = Counter(arm_of(each) for each in confirmed(records) if each.gan and each.gan.still_improving)
    trials = Counter(map(arm_of, confirmed(records)))
    return [
        f"{arm.balancer} (ratio {ratio_text(arm.imbalance_ratio)}, {number} of {count(trials[arm], 'trial')})"
        for arm, number in sorted(arms.items())
    ]
