"""What a study will compare, and how often it will look: fixed before the first confirmed trial."""

from gan_study.study.plan.config import NO_BALANCING, ConfirmConfig, StudyConfig
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.records.study_header import (
    CHOSEN_GAN,
    CHOSEN_SIMPLE,
    DUPLICATES,
    ComparisonFamily,
    VerdictPlan,
)

# Both were asked for: does it find more of the rare class, and at what price in false alarms.
METRICS = ("minority_f1", "minority_recall")


def verdict_plan(config: StudyConfig) -> VerdictPlan:
    """The plan of a study that is about to begin.

    Four families: every method (including the real upper bound) against no balancing, by minority F1 and by
    minority recall; and, by each of the two, the GAN that validation chooses against the simple method that it
    chooses and against duplicates, which add as many images without new content.
    """
    methods = tuple(
        name for name in (*config.simple_balancers(), *config.space().balancers) if name != NO_BALANCING
    )
    families = [
        ComparisonFamily(
            name=f"all methods by {metric}",
            metric=metric,
            methods=methods,
            references=(NO_BALANCING,),
            ratios=config.ratios(),
        )
        for metric in METRICS
    ]
    references = (CHOSEN_SIMPLE, *((DUPLICATES,) if DUPLICATES in methods else ()))
    if any(BALANCERS[name].is_gan for name in methods) and len(methods) > 1:
        families += [
            ComparisonFamily(
                name=f"the chosen GAN by {metric}",
                metric=metric,
                methods=(CHOSEN_GAN,),
                references=references,
                ratios=config.ratios(),
            )
            for metric in METRICS
        ]
    return VerdictPlan(margin=config.confirm.margin, looks=look_schedule(config.confirm), families=tuple(families))


def look_schedule(confirm: ConfirmConfig) -> tuple[int, ...]:
    """The numbers of seeds after which gains are looked at: the first round, then a quarter more, at least two."""
    looks = [len(confirm.seeds)]
    while confirm.until == "decided" and looks[-1] < confirm.most_seeds:
        looks.append(min(confirm.most_seeds, looks[-1] + max(2, looks[-1] // 4)))
    return tuple(looks)


def seeds_of_round(config: StudyConfig, number: int) -> tuple[int, ...]:
    """The new seeds of a round (from 1): those named by the study, then the next free ones."""
    looks = look_schedule(config.confirm)
    before = looks[number - 2] if number > 1 else 0
    return first_seeds(config.confirm, looks[number - 1], search_seed=config.search.seed)[before:]


def first_seeds(confirm: ConfirmConfig, number: int, *, search_seed: int) -> tuple[int, ...]:
    """A study's first `number` seeds, at least those that it names: first these, then free ones."""
    free = max((*confirm.seeds, search_seed)) + 1
    return (*confirm.seeds, *range(free, free + number - len(confirm.seeds)))
