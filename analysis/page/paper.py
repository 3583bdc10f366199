"""Material for a paper: a booktabs table, and the protocol in words; its figures are `plots/paper.py`."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gan_study.analysis.comparisons.aggregate import estimate_of, summarise
from gan_study.analysis.comparisons.verdicts import chosen_methods, gains
from gan_study.analysis.page.answer import answer
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, MAIN_METRIC, Condition, Task, comparable, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.markup import latex_table, latex_text
from gan_study.analysis.tables.searched import nothing_searched, num_points
from gan_study.analysis.wording import (
    ABSENT,
    count,
    estimate_text,
    label,
    listing,
    ratio_text,
    stated_settings,
    where,
)
from gan_study.trainables.base.markup import markdown_text

# What a reader needs of these to do the same; the rest is in the configuration.
CLASSIFIER_SETTINGS = ("epochs", "budget", "batch_size", "learning_rate")
DATA_SETTINGS = ("image_size", "validation_fraction")
GAN_SETTINGS = (
    "generator_steps",
    "most_generator_steps",
    "epochs",
    "batch_size",
    "learning_rate",
    "discriminator_steps",
    "latent_size",
)


def paper_texts(study: Study) -> dict[str, str]:
    """The table and the protocol, by the names of their files; none without confirmed trials."""
    if not confirmed(study.records):
        return {}
    return {"minority_f1.tex": score_table(study), "methods.md": markdown_text(methods_text(study)) + "\n"}


def best_helping(study: Study) -> dict[Condition, str]:
    """The method with the largest mean test F1 under each condition, if its verdict is that it helps.

    The upper bound is left out, since it is not a method to choose.
    """
    kinds = select.method_kinds(study.records)
    found: dict[Condition, str] = {}
    for condition in select.conditions(confirmed(study.records)):
        here = [each for each in select.under(study.records, condition) if kinds[each.balancer] != "upper bound"]
        means = select.scores_frame(confirmed(here), MAIN_METRIC, "test").groupby("balancer")["value"].mean()
        helping = {
            each.pairs.method
            for each in gains(study)
            if (each.pairs.condition, each.verdict) == (condition, "helps") and not each.is_exploratory
        }
        if len(means) and (best := str(means.idxmax())) in helping:
            found[condition] = best
    return found


def score_table(study: Study) -> str:
    """Test minority F1 as a booktabs table: methods in rows, conditions in columns."""
    records = study.records
    summary = summarise(records, metrics=[MAIN_METRIC])
    scores = summary[summary["measure"] == "score"]
    cells = {tuple(row[ARM_COLUMNS]): estimate_text(estimate_of(row)) for _, row in scores.iterrows()}
    found = select.conditions(confirmed(records))
    best = best_helping(study)
    rows = [
        [latex_text(name), *(_cell(cells.get((*each, name)), bold=best.get(each) == name) for each in found)]
        for name in select.method_kinds(records)
        if any((*condition, name) in cells for condition in found)
    ]
    header = ["Method", *(latex_text(_heading(condition, found)) for condition in found)]
    return latex_table(
        header,
        rows,
        align="l" * len(header),
        title="Test minority F1, mean over seeds with the 95 % interval. Bold: the largest mean, if its "
        "verdict against no balancing is that it helps.",
    )


def _cell(text: str | None, *, bold: bool) -> str:
    cell = latex_text(text or ABSENT)
    return rf"\textbf{{{cell}}}" if bold else cell


def _heading(condition: Condition, among: Sequence[Condition]) -> str:
    """What tells a condition from the others, its ratio at least."""
    parts = [
        getattr(condition, name) for name in Task._fields if len({getattr(other, name) for other in among}) > 1
    ]
    return ", ".join([*parts, f"ratio {ratio_text(condition.imbalance_ratio)}"])


def methods_text(study: Study) -> str:
    """The protocol in a paragraph, with the values that were used."""
    tested = confirmed(study.records)
    kinds = select.method_kinds(tested)
    gans, others, simple = (
        [name for name, kind in kinds.items() if kind == each] for each in ("GAN", "other generator", "simple")
    )
    other_text = f" and {count(len(others), 'other generator')} ({listing(others)})" if others else ""
    ratios = sorted({record.imbalance_ratio for record in tested})
    versions = listing([f"{name} {value}" for name, value in study.environment.items()])
    tasks = sorted({condition.task for condition in select.conditions(tested)})
    sentences = [
        *(_data_sentence(tested, task) for task in tasks),
        f"The imbalance ratio of the training pool (largest over smallest class) was "
        f"{listing([ratio_text(ratio) for ratio in ratios])}; validation images were taken from that "
        f"pool, and the test set was fixed and read only by the confirm trials.",
        f"We compared {count(len(gans), 'GAN')} ({listing(gans) or 'none'}){other_text} with no balancing and "
        f"{count(len(simple), 'method')} without a GAN ({listing(simple) or 'none'}), on the same splits and with "
        "the same classifier.",
        _search_sentence(study),
        f"The chosen configurations were then run with {_seeds_text(tested)} and scored on test images.",
        *(_choice_sentence(tested, condition, chosen[0]) for condition, chosen in chosen_methods(tested).items()),
        *_verdict_sentences(study),
        f"The study was started with {versions}.",
    ]
    return " ".join(sentences)


def _search_sentence(study: Study) -> str:
    """What was searched, and by what; or that nothing was, and why."""
    unsearched = nothing_searched(study.records)
    if unsearched:
        return unsearched
    alike, objective = comparable(study.records), label(str(study.config["objective"]))
    points = num_points(study.records)
    defaults = f" beside {count(len(alike) - points, 'default')}" if len(alike) > points else ""
    others = sum(record.phase == "search" for record in study.records) - len(alike)
    further = f" {count(others, 'further trial')} compared settings in other splits." if others else ""
    return (
        f"The search tried {count(points, 'configuration')}{defaults} with Optuna, in one split, by "
        f"the gain in {objective} over no balancing on validation images.{further}"
    )


def _seeds_text(tested: Sequence[Trial]) -> str:
    """How many fresh seeds methods had, and which."""
    numbers = Counter(map(select.arm_of, tested)).values()
    fewest = "" if min(numbers) == max(numbers) else f"{min(numbers)} to "
    named = listing([str(seed) for seed in sorted({record.seed for record in tested})])
    return f"{fewest}{count(max(numbers), 'fresh seed')} ({named})"


def _verdict_sentences(study: Study) -> Iterator[str]:
    """How the verdicts were made, and what they are."""
    plan = study.verdicts
    looks = (
        f"looked at after {listing([str(number) for number in plan.looks])} seeds"
        if len(plan.looks) > 1
        else "looked at once"
    )
    yield (
        "Gains are paired by data set, ratio, classifier and seed. Their intervals cover other seeds and other "
        "test images together; they are corrected by Holm's procedure, at the level 0.05, within each of "
        f"{len(plan.families)} families of comparisons fixed beforehand, and were {looks}. A gain within a margin "
        f"of {plan.margin:g} in either direction is no worthwhile difference."
    )
    yield from answer(study)


def _choice_sentence(tested: Sequence[Trial], condition: Condition, gan: str) -> str:
    """Which GAN validation chose, and how it was trained."""
    trial = next(each for each in select.under(tested, condition) if each.balancer == gan)
    balancing = trial.config.get("balancing")
    settings = stated_settings(balancing, "gan", GAN_SETTINGS) if isinstance(balancing, dict) else []
    with_settings = f"{gan} ({', '.join(settings)})" if settings else gan
    return f"The GAN that validation chose on {where(condition)} was {with_settings}."


def _data_sentence(tested: Sequence[Trial], task: Task) -> str:
    of_task = select.of_task(tested, task)
    # Classes and counts are unknown only where no trial's arrays can be read.
    record = next((each for each in of_task if each.class_counts), of_task[0])
    minority = listing([record.class_names[place] for place in record.minority_classes]) or "unknown"
    training = ", ".join(stated_settings(record.config, "classifier", CLASSIFIER_SETTINGS))
    facts = [
        f"{len(record.class_names)} classes, minority: {minority}",
        count(sum((record.class_counts and record.class_counts.test) or ()), "test image"),
        *stated_settings(record.config, "data", DATA_SETTINGS),
    ]
    classifier = f"{task.classifier} ({training})" if training else task.classifier
    return f"We trained {classifier} on {task.dataset} ({'; '.join(facts)})."
