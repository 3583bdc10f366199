"""What a reader must know before believing the answer, each as one sentence or two."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from operator import eq, gt, lt
from typing import NamedTuple

from gan_study.analysis.comparisons.training_length import CUT_OFF, cut_off_arms
from gan_study.analysis.comparisons.verdicts import comparisons
from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import MAIN_METRIC, NO_BALANCING, UPPER_BOUND, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.generated import FLAGS, flagged_images
from gan_study.analysis.tables.searched import is_point, unsearched_reasons
from gan_study.analysis.wording import count, first_few, listing, number, ratio_text, stated_settings, where
from gan_study.trainables.base.notes import LOOK_LIKE_TRAINING, MAY_LEAK
from gan_study.trainables.records.provenance import mixtures

SMALL_COUNT = 20
MOST_NOTES = 12
# Changes of a study that a reader should know of; the others are of places and mirrors.
_MATTERS = ("search.", "confirm.", "resources.", "time budget")


class Weight(IntEnum):
    """How much a caveat reduces the value of the answer."""

    VOIDS = 0
    """Nothing can be concluded, or the answer may be wrong."""
    WEAKENS = 1
    """The answer may change with more data, seeds or training."""
    EXPLAINS = 2
    """How numbers were made."""


class Caveat(NamedTuple):
    """A sentence or two, and its weight."""

    weight: Weight
    text: str


def weighed_caveats(study: Study) -> list[Caveat]:
    """The caveats for this study, the most important first."""
    records = study.records
    made: tuple[tuple[Weight, Iterable[str]], ...] = (
        (Weight.VOIDS, _missing_confirmation(records)),
        (Weight.VOIDS, _few_seeds(records)),
        (Weight.VOIDS, _edited(study)),
        (Weight.VOIDS, _mixtures(study)),
        (Weight.VOIDS, _leaks(study)),
        (Weight.VOIDS, _exploratory(study)),
        (Weight.WEAKENS, _time_plan(study)),
        (Weight.WEAKENS, _one_run(records)),
        (Weight.WEAKENS, _cut_off(records)),
        (Weight.WEAKENS, _small_counts(records)),
        (Weight.WEAKENS, _flagged_images(records)),
        (Weight.WEAKENS, _images(study)),
        (Weight.WEAKENS, _lost_trials(records)),
        (Weight.WEAKENS, _uneven_seeds(study)),
        (Weight.WEAKENS, _missing_phases(records)),
        (Weight.EXPLAINS, _intervals(records)),
        (Weight.EXPLAINS, _upper_bound(records)),
        (Weight.EXPLAINS, _selection(records)),
        (Weight.EXPLAINS, _search_budgets(records)),
        (Weight.EXPLAINS, _last_rounds(records)),
        (Weight.EXPLAINS, _training_budgets(records)),
        (Weight.EXPLAINS, _objective(study)),
        (Weight.EXPLAINS, _precision(study)),
        (Weight.EXPLAINS, _superseded(records)),
        (Weight.EXPLAINS, study.notes),
        (Weight.EXPLAINS, study.find_gaps()),
        (Weight.EXPLAINS, _record_notes(records)),
    )
    return [Caveat(weight, text) for weight, texts in made for text in texts]


def caveats(study: Study) -> list[str]:
    """The texts of `weighed_caveats`."""
    return [each.text for each in weighed_caveats(study)]


def _time_plan(study: Study) -> Iterator[str]:
    plan = study.time_plan
    if plan is not None and plan.sentences:
        yield (
            f"The study had {plan.budget_seconds / 60:.3g} minutes, not enough for all that was requested: "
            f"{'; '.join(plan.sentences)}. `gan-study resume` does the rest."
        )


def _precision(study: Study) -> Iterator[str]:
    if study.precisions:
        found = "; ".join(f"{name}: {each}" for name, each in study.precisions.items())
        yield (
            f"The precision of training was decided before the first trial, by a probe of the machine where the "
            f"study began. {found}."
        )


def _edited(study: Study) -> Iterator[str]:
    """What was changed of the study after it had begun: by a command, or by hand."""
    changed = [
        f"{each.key} ({each.before} before, {each.after} then)"
        for each in study.changes
        if each.key.startswith(_MATTERS)
    ]
    if changed:
        yield f"The study was changed after it had begun: {listing(first_few(changed))}."
    if study.foreign:
        yield f"Not as the study wrote them: {listing(first_few([f'trial {each}' for each in study.foreign]))}."
    if not study.is_as_written:
        yield "study.json was edited by hand; `gan-study check` lists the changes and whether it can continue."


def _mixtures(study: Study) -> Iterator[str]:
    """What numbers depend on beside what is studied, and trials have not in common."""
    found = mixtures(study.records)
    if found:
        yield (
            f"Not all trials were run in the same way, so some numbers may differ for this reason: "
            f"{'; '.join(found)}."
        )


def _leaks(study: Study) -> Iterator[str]:
    """Many look-alikes between train and test, where nothing says what belongs together."""
    said = dict.fromkeys(
        note
        for note in (*study.read_back, *(note for record in study.records for note in record.notes))
        if _is_leak(note)
    )
    yield from (f"{note[0].upper()}{note[1:]}." for note in said)


def _is_leak(note: str) -> bool:
    return note.startswith(LOOK_LIKE_TRAINING) and note.endswith(MAY_LEAK)


_PHASES: Mapping[str, str] = {
    "baseline": "There are no baseline trials, so the search had no reference for gains.",
    "search": "There are no search trials: every method used the settings given to it.",
}
_UNCONFIRMED = "There are no confirm trials: no test score exists and nothing can be concluded."


def _missing_confirmation(records: Sequence[Trial]) -> Iterator[str]:
    if not select.confirm_complete(records):
        yield _UNCONFIRMED


def _missing_phases(records: Sequence[Trial]) -> Iterator[str]:
    done = {record.phase for record in records if record.status == "complete"}
    yield from (text for phase, text in _PHASES.items() if phase not in done)


def _one_run(records: Sequence[Trial]) -> Iterator[str]:
    """What one run of each method shows of minority recall, under each condition that has no more."""
    for condition in select.conditions(confirmed(records)):
        scored = select.scores_frame(confirmed(select.under(records, condition)), "minority_recall", "test")
        if scored["setting_id"].nunique() != 1 or NO_BALANCING not in set(scored["balancer"]):
            continue
        recalls = dict(zip(scored["balancer"], scored["value"], strict=True))
        none = recalls.pop(NO_BALANCING)
        named = {
            side: [f"{name} ({number(recall)})" for name, recall in sorted(recalls.items()) if is_so(recall, none)]
            for side, is_so in (("lower with", lt), ("the same with", eq), ("higher with", gt))
        }
        said = [f"{side} {listing(first_few(names))}" for side, names in named.items() if names]
        if said:
            yield (
                f"One run decides nothing. On {where(condition)}, test minority recall is {number(none)} "
                f"without balancing, {listing(said)}: another seed may reverse this."
            )


def _few_seeds(records: Sequence[Trial]) -> Iterator[str]:
    numbers = Counter(map(select.arm_of, confirmed(records))).values()
    if numbers and min(numbers) < MINIMUM_SEEDS:
        yield f"Fewer than {MINIMUM_SEEDS} seeds decide nothing: a method with so few gets no verdict."


def _intervals(records: Sequence[Trial]) -> Iterator[str]:
    numbers = Counter(map(select.arm_of, confirmed(records))).values()
    if not numbers:
        return
    low, high = min(numbers), max(numbers)
    seeds = count(low, "seed") if low == high else f"{low} to {high} seeds"
    yield (
        f"Scores have Student-t intervals over {seeds} of splitting and training, which do not cover "
        f"other test images. The intervals of gains cover other seeds and other test images, and are "
        f"corrected for the number of comparisons and of looks: a verdict agrees with its interval."
    )


def _images(study: Study) -> Iterator[str]:
    """The methods whose verdict rests on seeds alone."""
    judged = [each for each in comparisons(study) if each.looks]
    alone = dict.fromkeys(each.pairs.method for each in judged if not each.has_predictions)
    if alone:
        yield (
            f"Not all predictions on test images are stored, so the verdicts on "
            f"{listing(first_few(list(alone)))} hold only for these test images."
        )


def _small_counts(records: Sequence[Trial]) -> Iterator[str]:
    """Minority classes that have fewer than 20 images in a part, with the range over ratios and seeds."""
    smallest: dict[tuple[str, str, str], list[int]] = {}
    for record in records:
        for part, counts in _scored_parts(record):
            for index in record.minority_classes:
                key = (record.dataset, part, record.class_names[index])
                smallest.setdefault(key, []).append(counts[index])
    small = {key: values for key, values in smallest.items() if min(values) < SMALL_COUNT}
    if small:
        one_set = len({dataset for dataset, _, _ in small}) == 1
        parts = [
            f"{_range(numbers)} {part} images of class “{name}”{'' if one_set else f' ({dataset})'}"
            for (dataset, part, name), numbers in sorted(small.items())
        ]
        yield (
            f"Few images of rare classes are scored, so that one image moves a class's recall by more than "
            f"{100 // SMALL_COUNT} points: {listing(first_few(parts))}."
        )


def _scored_parts(record: Trial) -> list[tuple[str, tuple[int, ...]]]:
    counts = record.class_counts
    if counts is None or not record.class_names:
        return []
    return [("validation", counts.validation), *([("test", counts.test)] if counts.test else [])]


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _flagged_images(records: Sequence[Trial]) -> Iterator[str]:
    for flag, meaning in FLAGS.items():
        flagged = flagged_images(records, flag)
        if flagged:
            yield f"Some generated images {meaning}: {listing(first_few(flagged))}."


def _cut_off(records: Sequence[Trial]) -> Iterator[str]:
    arms = cut_off_arms(records)
    if arms:
        yield f"GANs that were {CUT_OFF}: {listing(first_few(arms))}. Longer trainings may change these results."


def _exploratory(study: Study) -> Iterator[str]:
    """The comparisons whose seeds were added after the plan had ended."""
    if any(each.is_exploratory for each in comparisons(study)):
        yield (
            "Seeds were added after the results of the planned ones had been seen. Adding seeds until "
            "something shows will always show something, so the verdicts are called exploratory, and "
            "they have no guaranteed level of error."
        )


def _upper_bound(records: Sequence[Trial]) -> Iterator[str]:
    if any(record.balancer == UPPER_BOUND for record in confirmed(records)):
        yield (
            f"{UPPER_BOUND} learns from real images that the imbalance removed for all other methods: "
            f"it shows how much can be gained, and is not a method to choose."
        )


def _selection(records: Sequence[Trial]) -> Iterator[str]:
    if confirmed(records):
        yield (
            "Settings, the GAN and the simple method of the answer were chosen on validation images; "
            "every number of the answer is a test score of the confirm phase, on seeds that the search "
            "did not use."
        )


def _last_rounds(records: Sequence[Trial]) -> Iterator[str]:
    """Why settings are the defaults, and what the last round of a search was worth where there was one."""
    for reason, names in unsearched_reasons(records).items():
        methods = listing(first_few(names))
        yield f"The settings of {methods} are the defaults, without a last round of a search: {reason}."
    chosen = {select.arm_of(record): record.selection for record in confirmed(records) if record.selection}
    for arm, selection in chosen.items():
        if selection.check_gain is not None and selection.default_check_gain is not None:
            gain, default = (number(g, signed=True) for g in (selection.check_gain, selection.default_check_gain))
            if selection.trial_id:
                said = (
                    f"the searched setting gained {gain} in the check, by validation score, the default {default}"
                )
            elif selection.check_gain == selection.default_check_gain:
                said = (
                    f"no searched setting beat the default, which gained {gain} in the check, by validation score"
                )
            else:
                said = (
                    f"a searched setting won the last round but lost the check ({gain} in validation "
                    f"score, the default {default}), so the default is used"
                )
            yield f"{arm.balancer} on {where(select.Condition(*arm[:-1]))}: {said}."


def _search_budgets(records: Sequence[Trial]) -> Iterator[str]:
    """Search trials of each method, and whether those that were searched had equally many points."""
    searched = [record for record in records if record.phase == "search"]
    if not searched:
        return
    tried = Counter(record.balancer for record in searched)
    budgets: dict[int, list[str]] = {}
    for name in (name for name in select.method_kinds(records) if name != NO_BALANCING):
        budgets.setdefault(tried[name], []).append(name)
    said = [f"{listing(names)} {total}" for total, names in sorted(budgets.items(), reverse=True)]
    yield f"Search trials in all: {'; '.join(said)}. {_points_text(records)}"


def _points_text(records: Sequence[Trial]) -> str:
    """Whether the methods that were searched had equally many points, and at every ratio if there are several."""
    points = [record for record in records if is_point(record)]
    places, names = {select.condition_of(each) for each in points}, {each.balancer for each in points}
    if not points:
        return "All of them used the defaults."
    spent = Counter((select.condition_of(record), record.balancer) for record in points)
    numbers = {spent[place, name] for place in places for name in names}
    everywhere = " at every ratio" if len(places) > 1 else ""
    if len(places) == len(names) == 1:
        return f"Only {names.pop()} was searched: {count(len(points), 'point')} beside its default."
    if len(numbers) == 1:
        return f"Every searched method had the same number of points{everywhere}."
    return (
        f"The searched methods had different numbers of points{everywhere} (see the table of the "
        f"search), and a larger budget finds better settings."
    )


def _objective(study: Study) -> Iterator[str]:
    objective = study.config.get("objective", MAIN_METRIC)
    if objective != MAIN_METRIC:
        yield f"The search maximised the gain in {objective}; the answer is about minority F1."


def _training_budgets(records: Sequence[Trial]) -> Iterator[str]:
    """The classifier's training length, as the configurations of the confirmed trials name it."""
    budgets = {
        (record.classifier, *stated_settings(record.config, "classifier", ("epochs", "budget", "batch_size")))
        for record in confirmed(records)
    }
    said = [f"{classifier} {', '.join(parts)}" for classifier, *parts in sorted(budgets) if parts]
    if said:
        yield f"The classifier's training length is fixed ({'; '.join(said)}); a longer one may change the order."


def _lost_trials(records: Sequence[Trial]) -> Iterator[str]:
    lost = Counter((r.status, r.phase) for r in records if r.status != "complete")
    said = [f"{number} {phase} {status}" for (status, phase), number in sorted(lost.items())]
    if said:
        yield f"Of {count(len(records), 'trial')} some did not complete and are in no mean: {listing(said)}."


def _uneven_seeds(study: Study) -> Iterator[str]:
    # Where seeds are added until it is decided, methods have as many as they took.
    lacking = arms_lacking_seeds(study.records) if len(study.verdicts.looks) == 1 else []
    if lacking:
        yield (
            f"Some methods were confirmed on fewer seeds than others; a gain uses the seeds that both "
            f"methods share: {listing(first_few(lacking))}."
        )


def _superseded(records: Sequence[Trial]) -> Iterator[str]:
    number = len(select.confirm_complete(records)) - len(confirmed(records))
    if number:
        yield f"{count(number, 'confirm trial')} were replaced by a later selection in the same setting."


def _record_notes(records: Sequence[Trial]) -> Iterator[str]:
    """The distinct notes of the trials, the most frequent first."""
    notes = Counter(note for record in records for note in dict.fromkeys(record.notes) if not _is_leak(note))
    yield from (f"{note} ({count(number, 'trial')})" for note, number in notes.most_common(MOST_NOTES))
    if len(notes) > MOST_NOTES:
        yield f"{count(len(notes) - MOST_NOTES, 'further note')} in tables/trials.csv."


def arms_lacking_seeds(records: Sequence[Trial]) -> list[str]:
    """The confirmed methods with fewer seeds than the one with most, and their numbers."""
    done = Counter(map(select.arm_of, confirmed(records)))
    most = max(done.values(), default=0)
    return [
        f"{arm.balancer} at ratio {ratio_text(arm.imbalance_ratio)} ({number} of {most})"
        for arm, number in sorted(done.items())
        if number < most
    ]
