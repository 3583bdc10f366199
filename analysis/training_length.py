"""Which GANs were still getting better when their training ended."""

from collections import Counter
from collections.abc import Sequence

from gan_study.analysis.select import Condition, arm_of, confirmed, under
from gan_study.analysis.trial import Trial
from gan_study.analysis.wording import count, ratio_text

CUT_OFF = "still improving when it was cut off"


def is_cut_off(records: Sequence[Trial], condition: Condition, method: str) -> bool:
    """Whether a confirmed GAN of `method` was still getting better when its training ended."""
    return any(
        record.gan is not None and record.gan.still_improving
        for record in under(confirmed(records), condition)
        if record.balancer == method
    )


def cut_off_arms(records: Sequence[Trial]) -> list[str]:
    """The methods some of whose GANs were still getting better, and in how many trials."""
    arms = Counter(arm_of(each) for each in confirmed(records) if each.gan and each.gan.still_improving)
    trials = Counter(map(arm_of, confirmed(records)))
    return [
        f"{arm.balancer} (ratio {ratio_text(arm.imbalance_ratio)}, {number} of {count(trials[arm], 'trial')})"
        for arm, number in sorted(arms.items())
    ]
