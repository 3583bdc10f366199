"""Which comparisons a study's records leave undecided, computed by the analysis between two rounds of seeds."""

from collections.abc import Mapping
from pathlib import Path

from gan_study.study.plan.config import Arm, Ratio


def open_arms(root: Path, imbalance_ratios: Mapping[Ratio, float]) -> frozenset[Arm]:
    """The arms of the study in `root` that further seeds may decide, and their references.

    `imbalance_ratios` gives the largest over smallest class count at each of the study's ratios.
    """
    from gan_study.analysis.comparisons.verdicts import open_arms as find_open
    from gan_study.analysis.records.load import load_study

    ratio_of = {found: ratio for ratio, found in imbalance_ratios.items()}
    arms = find_open(load_study(root))
    return frozenset(Arm(balancer=arm.balancer, ratio=ratio_of[arm.imbalance_ratio]) for arm in arms)


def is_decided(root: Path) -> bool:
    """Whether every comparison of the study in `root` has a verdict."""
    from gan_study.analysis.comparisons.verdicts import comparisons
    from gan_study.analysis.records.load import load_study

    found = comparisons(load_study(root))
    return bool(found) and all(each.is_decided for each in found)
