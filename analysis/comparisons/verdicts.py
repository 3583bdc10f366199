"""The verdict on each method under each condition: helps, hurts, no worthwhile difference, undecided.

Every verdict of the report is computed here, by the plan that the study fixed before its first confirmed trial
(`study.json`, `verdicts`), over seeds and test images together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, TypedDict, cast

import numpy as np
import pandas as pd

from gan_study.analysis.comparisons import aggregate
from gan_study.analysis.comparisons.aggregate import METRICS
from gan_study.analysis.comparisons.training_length import length_limits
from gan_study.analysis.inference import looks as sequential
from gan_study.analysis.inference.decisions import Decision, Verdict, decide, is_open
from gan_study.analysis.inference.estimates import Estimate
from gan_study.analysis.inference.images import Score, image_error
from gan_study.analysis.inference.looks import MINIMUM_SEEDS, Look, look_at
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, NO_BALANCING, Arm, Condition, MethodKind
from gan_study.analysis.records.trial import Predictions, Trial
from gan_study.trainables.records.record import RecordError
from gan_study.trainables.records.study_header import CHOSEN_GAN, CHOSEN_SIMPLE, DUPLICATES, ComparisonFamily

Against: TypeAlias = Literal["no balancing", "best simple method", "duplicates"]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The test scores of `method` in `metric` minus those of `reference` in the same settings, one for each seed.

    `asked` if the method is the GAN that validation chose.
    """

    condition: Condition
    metric: Score
    method: str
    against: Against
    reference: str
    asked: bool
    setting_ids: tuple[str, ...]
    rounds: tuple[int, ...]
    """The round of seeds that each pair belongs to, ascending."""
    differences: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A paired comparison and its verdict.

    `estimate` has the mean and the interval on which the verdict is based, corrected for the comparison's family
    and for its looks. With fewer than three seeds the interval has no ends.
    """

    pairs: Pairs
    decision: Decision
    estimate: Estimate
    margin: float
    family: str
    family_size: int
    has_predictions: bool
    """Whether the predictions of all trials are stored; otherwise the interval covers only seeds."""
    is_exploratory: bool
    """Whether seeds were added after looking at the results, beyond what the plan had reserved error for."""
    is_provisional: bool
    """Whether the last round of seeds is incomplete, so that the study has not reached this look yet."""
    length_limits: tuple[str, ...]
    """Why longer trainings of the method's GANs might have shown more, one clause each."""
    most_seeds: int
    """As many as in the study's plan."""

    @property
    def looks(self) -> tuple[Look, ...]:
        """The observed gain after each round of seeds."""
        return self.decision.looks

    @property
    def verdict(self) -> Verdict:
        """The verdict on the method, compared with its reference."""
        return self.decision.verdict

    @property
    def reservations(self) -> tuple[str, ...]:
        """Reservations about the verdict: `length_limits`, unless the method helps."""
        return () if self.verdict == "helps" else self.length_limits

    @property
    def is_decided(self) -> bool:
        """Whether it is known if there is a gain, or that there is no worthwhile one."""
        return self.verdict != "undecided"

    @property
    def smallest_decidable(self) -> float | None:
        """The smallest gain that these test images can distinguish from none, with any number of seeds."""
        return sequential.smallest_decidable(self.looks[-1], self.decision.level) if self.looks else None

    @property
    def lacks_images(self) -> bool:
        """Whether no number of seeds decides: an effect of the observed size needs more test images."""
        if not self.looks or self.is_decided:
            return False
        return not sequential.images_suffice(self.looks[-1], self.decision.levels, margin=self.margin)

    @property
    def seeds_needed(self) -> int | None:
        """The smallest total number of seeds that decides in four of five cases, if gain and spread are as
        observed.

        None if this is unknown, or if no number of seeds does.
        """
        if not self.looks:
            return None
        needed = sequential.seeds_needed(self.looks[-1], self.decision.levels, margin=self.margin)
        return None if needed is None else max(needed, self.estimate.n + (0 if self.is_decided else 1))


# Tables, answer and page ask for the same.
@lru_cache(maxsize=4)
def comparisons(study: Study) -> tuple[Comparison, ...]:
    """Every planned comparison that has trials.

    Holm's correction applies within each family of the plan, for all planned comparisons, whether made or not: if
    nothing makes a difference, at most one study in twenty has a false *helps* or *hurts* in a family, and at most
    one a false *no worthwhile difference*. Raises RecordError if trials of one setting were tested on different
    images.
    """
    trials = {(trial.setting_id, trial.balancer): trial for trial in select.confirmed(study.records)}
    choices = _choices(study.records)
    found: list[Comparison] = []
    for family in study.verdicts.families:
        members = [
            (pairs, *_looks(pairs, trials, study)) for pairs in _planned_pairs(study.records, family, choices)
        ]
        found += _judge(members, family, study)
    return tuple(found)


def gains(study: Study, metric: Score = "minority_f1") -> tuple[Comparison, ...]:
    """The comparisons of every method with no balancing."""
    return tuple(
        each for each in comparisons(study) if each.pairs.against == "no balancing" and each.pairs.metric == metric
    )


def open_arms(study: Study) -> frozenset[Arm]:
    """The methods that another round of seeds may decide, and their references.

    The undecided comparisons that the further seeds of the plan may decide.
    """
    most = study.verdicts.looks[-1]
    arms: set[Arm] = set()
    for each in comparisons(study):
        if is_open(each.decision, most=most, margin=each.margin):
            names = (each.pairs.method, each.pairs.reference, NO_BALANCING)
            arms |= {Arm(*each.pairs.condition, name) for name in names}
    return frozenset(arms)


def chosen_methods(records: Sequence[Trial]) -> dict[Condition, tuple[str, ...]]:
    """The GAN that validation chose under each condition, and the simple method if there is one."""
    return {
        condition: tuple(name for name in chosen.values() if name is not None)
        for condition, chosen in _choices(records).items()
        if chosen[CHOSEN_GAN] is not None
    }


def _choices(records: Sequence[Trial]) -> dict[Condition, dict[str, str | None]]:
    """What validation chose under each condition, by the name that a plan has for it, the GAN first."""
    kinds = select.method_kinds(records)
    sides: Mapping[str, MethodKind] = {CHOSEN_GAN: "GAN", CHOSEN_SIMPLE: "simple"}
    return {
        condition: {
            name: select.best_by_validation(records, condition, side, kinds) for name, side in sides.items()
        }
        for condition in select.conditions(select.confirmed(records))
    }


def summarise(study: Study, *, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """`aggregate.summarise` of the test scores; gains have the intervals of their verdicts."""
    frame = aggregate.summarise(study.records, metrics=metrics)
    judged = {
        (*each.pairs.condition, each.pairs.method, each.pairs.metric, "gain"): each.estimate
        for each in comparisons(study)
        if each.pairs.against == "no balancing"
    }
    keys = list(frame[[*ARM_COLUMNS, "metric", "measure"]].itertuples(index=False, name=None))
    for end in ("low", "high"):
        frame[end] = [
            getattr(judged[key], end) if key in judged else old for key, old in zip(keys, frame[end], strict=True)
        ]
    return frame.astype({"low": float, "high": float})


def _planned_pairs(
    records: Sequence[Trial], family: ComparisonFamily, choices: Mapping[Condition, Mapping[str, str | None]]
) -> Iterator[Pairs]:
    """The comparisons of a family whose trials are there."""
    is_any = family.ratios == (None,)
    for condition in (each for each in choices if is_any or each.imbalance_ratio in family.ratios):
        chosen = choices[condition]
        for named, against in ((m, r) for m in family.methods for r in family.references):
            method, reference = chosen.get(named, named), chosen.get(against, against)
            is_same_twice = against == DUPLICATES == chosen[CHOSEN_SIMPLE]
            if method is None or reference is None or method == reference or is_same_twice:
                continue
            pairs = Pairs(
                condition=condition,
                metric=cast(Score, family.metric),
                method=method,
                against=_AGAINST.get(against, "no balancing"),
                reference=reference,
                asked=method == chosen[CHOSEN_GAN],
                **_paired(records, condition, method, reference, family.metric, as_many=against == DUPLICATES),
            )
            if pairs.differences:
                yield pairs


_AGAINST: Mapping[str, Against] = {CHOSEN_SIMPLE: "best simple method", DUPLICATES: "duplicates"}


class _Paired(TypedDict):
    setting_ids: tuple[str, ...]
    rounds: tuple[int, ...]
    differences: tuple[float, ...]


def _paired(
    records: Sequence[Trial], condition: Condition, method: str, reference: str, metric: str, *, as_many: bool
) -> _Paired:
    """The pairs of two methods; with `as_many` only of trials that were given equally many images."""
    here = {(each.setting_id, each.balancer): each for each in select.confirmed(select.under(records, condition))}
    found = select.paired_gains(tuple(here.values()), metric, reference=reference)
    found = found[found["balancer"] == method].sort_values("seed")
    rows = sorted(
        # The pair is there once both are: an arm that comes back gets the seeds that it lacks.
        (max(select.round_of(here[setting, name]) for name in (method, reference)), place, setting, float(value))
        for place, (setting, value) in enumerate(zip(found["setting_id"], found["value"], strict=True))
        if not as_many or _same_counts(here[setting, method], here[setting, reference])
    )
    rounds, _, settings, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    return _Paired(setting_ids=settings, rounds=rounds, differences=values)


def _same_counts(first: Trial, second: Trial) -> bool:
    counts = (first.class_counts, second.class_counts)
    return None in counts or counts[0].balanced == counts[1].balanced  # type: ignore[union-attr]


def _looks(pairs: Pairs, trials: Mapping[tuple[str, str], Trial], study: Study) -> tuple[tuple[Look, ...], bool]:
    """The gain after each round that brought seeds, and whether all predictions are there to see it by."""
    shares = dict(enumerate(sequential.spending_shares(study.verdicts.looks), start=1))
    rounds = list(dict.fromkeys(pairs.rounds))
    if is_exploratory(pairs, study):
        rounds, shares = rounds[-1:], {rounds[-1]: 1.0}
    predictions = [_predictions(pairs, trials, name) for name in (pairs.method, pairs.reference)]
    numbers = {number: sum(each <= number for each in pairs.rounds) for number in rounds}
    found = []
    for number, seeds in numbers.items():
        if seeds >= MINIMUM_SEEDS:
            error = _image_error(pairs, [each[:seeds] for each in predictions], trials)
            found.append(look_at(pairs.differences[:seeds], image_error=error, share=shares[number]))
    return tuple(found), all(predictions)


def is_exploratory(pairs: Pairs, study: Study) -> bool:
    """Whether there are more seeds than the study's plan has for their round."""
    looks = study.verdicts.looks
    return any(
        number > len(looks) or sum(each <= number for each in pairs.rounds) > looks[number - 1]
        for number in pairs.rounds
    )


def is_provisional(pairs: Pairs, study: Study) -> bool:
    """Whether trials of the last round are missing, not counting failed ones."""
    last = max(pairs.rounds)
    if last > len(study.verdicts.looks):
        return False
    tried = [
        {
            record.seed
            for record in select.under(study.records, pairs.condition)
            if record.phase == "confirm" and record.balancer == name and select.round_of(record) <= last
        }
        for name in (pairs.method, pairs.reference)
    ]
    return min(map(len, tried)) < study.verdicts.looks[last - 1]


def _predictions(pairs: Pairs, trials: Mapping[tuple[str, str], Trial], name: str) -> list[Predictions]:
    """The predictions of a method on the test images, in the order of the pairs; none if not all are stored."""
    found = [trials[setting, name].predictions("test") for setting in pairs.setting_ids]
    return [each for each in found if each is not None] if None not in found else []


def _image_error(
    pairs: Pairs, predictions: Sequence[Sequence[Predictions]], trials: Mapping[tuple[str, str], Trial]
) -> float:
    """See `image_error`; 0 where not all predictions are stored, which a caveat says."""
    method, reference = predictions
    if not method or not reference:
        return 0.0
    labels = method[0].labels
    if not all(np.array_equal(each.labels, labels) for each in (*method, *reference)):
        raise RecordError(f"trials of {pairs.method} and {pairs.reference} were tested on different images")
    fits = min(len(each.probabilities) for each in (*method, *reference))
    taken = [np.stack([each.probabilities[:fits].argmax(axis=2) for each in some]) for some in predictions]
    classes = trials[pairs.setting_ids[0], pairs.method].minority_classes
    return image_error(labels, *taken, classes=classes, score=pairs.metric)


def _judge(
    members: Sequence[tuple[Pairs, tuple[Look, ...], bool]], family: ComparisonFamily, study: Study
) -> Iterator[Comparison]:
    """The verdicts of a family of comparisons, corrected together."""
    margin = study.verdicts.margin
    decisions = decide([looks for _, looks, _ in members], size=family.size, margin=margin)
    for (pairs, _, has_predictions), decision in zip(members, decisions, strict=True):
        number, (low, high) = len(pairs.differences), decision.interval or (None, None)
        yield Comparison(
            pairs=pairs,
            decision=decision,
            estimate=Estimate(n=number, mean=float(np.mean(pairs.differences)), low=low, high=high),
            margin=margin,
            family=family.name,
            family_size=family.size,
            has_predictions=has_predictions,
            is_exploratory=is_exploratory(pairs, study),
            is_provisional=is_provisional(pairs, study),
            length_limits=length_limits(study, pairs.condition, pairs.method),
            most_seeds=study.verdicts.looks[-1],
        )
