"""Studies with known results, as values and as study folders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from gan_study.analysis.records.load import Study
from gan_study.analysis.records.trial import ImageQuality, Trial
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.scores import mean_overall, score, spread, to_arrays
from gan_study.trainables.records.arrays import Array, to_bytes
from gan_study.trainables.records.record import Overall, Part, Phase, SearchTrial, Selection, Status, TrialRecord
from gan_study.trainables.records.study_header import CHOSEN_GAN, CHOSEN_SIMPLE, ComparisonFamily, VerdictPlan

CLASS_NAMES = ("benign", "malignant <b>&", "normal")
MINORITY = (1, 2)
COUNTS = {
    "available": (200, 200, 200),
    "imbalanced": (125, 13, 7),
    "training": (100, 10, 5),
    "validation": (25, 3, 2),
}
CLASS_SCORES = {
    "precision": np.array([[0.9, np.nan, 0.5]]),
    "recall": np.array([[0.9, 0.4, 0.6]]),
    "f1": np.array([[0.9, np.nan, 0.5]]),
    "confusion_matrix": np.array([[[8, 1, 1], [2, 2, 0], [0, 1, 3]]]),
}


def planted_scores(f1: float) -> Overall:
    """Scores with `f1` as minority F1, recall 0.1 above it, and round numbers elsewhere."""
    return {
        "accuracy": 0.9,
        "balanced_accuracy": 0.8,
        "macro_f1": 0.7,
        "minority_precision": None,
        "minority_recall": f1 + 0.1,
        "minority_f1": f1,
    }


def planted_arrays(parts: Sequence[str], *, gan: bool) -> dict[str, Array]:
    """The arrays of a complete trial, without images and predictions."""
    counts = {
        **COUNTS,
        "balanced": (100, 100, 100) if gan else COUNTS["training"],
        "synthetic": (0, 90, 95) if gan else (0, 0, 0),
        **({"test": (50, 50, 12)} if "test" in parts else {}),
    }
    return {
        **class_arrays(CLASS_NAMES, MINORITY),
        **{f"counts/{name}": np.array(each) for name, each in counts.items()},
        **{f"{part}/{name}": each for part in parts for name, each in CLASS_SCORES.items()},
        **(loss_arrays({"all classes": ([1 / e for e in range(1, 6)], [0.5] * 5)}) if gan else {}),
    }


def class_arrays(names: Sequence[str], minority: Sequence[int]) -> dict[str, Array]:
    """The classes of a trial."""
    return {"classes/names": np.array(names), "classes/minority": np.array(minority, dtype=np.int64)}


def loss_arrays(losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> dict[str, Array]:
    """The losses of the generator and the discriminator of each GAN after 16 generator steps, 32, 48 and so on."""
    num_losses = [len(generator) for generator, _ in losses.values()]
    return {
        "gan/trained_on": np.array(list(losses)),
        "gan/generator_steps": np.array([16 * number for number in num_losses]),
        "gan/loss_steps": np.array([range(16, 16 * number + 1, 16) for number in num_losses]),
        "gan/generator_loss": np.array([generator for generator, _ in losses.values()], dtype=float),
        "gan/discriminator_loss": np.array([discriminator for _, discriminator in losses.values()], dtype=float),
    }


def with_arrays(record: Trial, arrays: Mapping[str, Array]) -> Trial:
    """`record` with more arrays."""
    return replace(record, stored={**record.stored, **arrays})


def planted_record(
    *,
    balancer: str,
    validation: float | None,
    test: float | None = None,
    phase: Phase = "confirm",
    status: Status = "complete",
    seed: int = 1,
    ratio: float = 10.0,
    dataset: str = "shapes",
    classifier: str = "simple_cnn",
    gan: bool = False,
    number: int | None = None,
    objective: float | None = None,
    failure: str | None = None,
    notes: Sequence[str] = (),
) -> Trial:
    """One trial whose minority F1 is `validation` and `test`."""
    scores: dict[Part, Overall] = {}
    if status == "complete":
        found: dict[Part, float | None] = {"validation": validation, "test": test}
        scores = {part: planted_scores(f1) for part, f1 in found.items() if f1 is not None}
    return Trial(
        trial_id=f"{phase}-{dataset}-{classifier}-{balancer}-{ratio:g}-{seed}-{number}",
        setting_id=f"{dataset}-{classifier}-{ratio:g}-{seed}",
        phase=phase,
        status=status,
        failure=failure,
        dataset=dataset,
        classifier=classifier,
        balancer=balancer,
        imbalance_ratio=ratio,
        seed=seed,
        config={
            "seed": seed,
            "classifier": {"name": classifier, "epochs": 5, "budget": "steps"},
            "balancing": {"name": balancer, "gan": {"generator_steps": 80}} if gan else {"name": balancer},
        },
        scores=scores,
        objective=objective,
        search=None if number is None else SearchTrial(number=number, params={"balancer": balancer}),
        selection=Selection(search_trials=4 if gan else 0) if phase == "confirm" else None,
        notes=tuple(notes),
        seconds={"balancing": 2.0, "classifier": 1.0},
        stored=planted_arrays(list(scores), gan=gan) if status == "complete" else {},
    )


def confirmed_arm(
    balancer: str,
    *,
    validation: Sequence[float],
    test: Sequence[float],
    gan: bool = False,
    ratio: float = 10.0,
    dataset: str = "shapes",
) -> list[Trial]:
    """A method with one confirm trial for each pair of scores, seeds from 1."""
    return [
        planted_record(balancer=balancer, validation=v, test=t, gan=gan, ratio=ratio, dataset=dataset, seed=seed)
        for seed, (v, t) in enumerate(zip(validation, test, strict=True), start=1)
    ]


def planted_study(ratio: float = 10.0) -> list[Trial]:
    """Two GANs and two simple methods at one ratio, three seeds, with a search.

    dcgan wins on validation (mean 0.60 against 0.50 for acgan_<x>), and gains 0.10, 0.12 and 0.14 on test;
    acgan_<x> would win on test. smote is the best simple method on validation; dcgan minus smote on test is
    0.04, 0.05 and 0.06.
    """
    none = confirmed_arm("none", validation=(0.40, 0.40, 0.40), test=(0.40, 0.42, 0.44), ratio=ratio)
    smote = confirmed_arm("smote", validation=(0.52, 0.52, 0.52), test=(0.46, 0.49, 0.52), ratio=ratio)
    weights = confirmed_arm("class_weights", validation=(0.41, 0.41, 0.41), test=(0.60, 0.60, 0.60), ratio=ratio)
    dcgan = confirmed_arm("dcgan", validation=(0.60, 0.60, 0.60), test=(0.50, 0.54, 0.58), gan=True, ratio=ratio)
    acgan = confirmed_arm(
        "acgan_<x>", validation=(0.50, 0.50, 0.50), test=(0.70, 0.70, 0.70), gan=True, ratio=ratio
    )
    return [
        planted_record(balancer="none", validation=0.40, phase="baseline", seed=0, ratio=ratio),
        *search_trials("dcgan", (0.05, 0.20, 0.10), first=0, ratio=ratio),
        *search_trials("acgan_<x>", (0.08, 0.02), first=3, ratio=ratio),
        planted_record(
            balancer="dcgan",
            validation=None,
            phase="search",
            status="failed",
            seed=0,
            number=5,
            ratio=ratio,
            failure="FloatingPointError: <script>alert(1)</script> loss is not finite",
        ),
        planted_record(
            balancer="dcgan", validation=None, phase="search", status="pruned", seed=0, number=6, ratio=ratio
        ),
        *none,
        *smote,
        *weights,
        *dcgan,
        *acgan,
    ]


def search_trials(balancer: str, gains: Sequence[float], *, first: int, ratio: float = 10.0) -> list[Trial]:
    """Complete search trials of a GAN with these validation gains over a baseline of 0.40."""
    return [
        planted_record(
            balancer=balancer,
            validation=0.40 + gain,
            phase="search",
            seed=0,
            number=first + index,
            objective=gain,
            gan=True,
            ratio=ratio,
        )
        for index, gain in enumerate(gains)
    ]


def planted_quality(
    *, flags: tuple[str, ...] = (), num_held_out: int = 5, **metrics: float | None
) -> ImageQuality:
    """The quality of 90 images of a class with 10 training images, round numbers but for `metrics`."""
    floors = {
        "fid": (30.0, 15.0),
        "kid": (0.05, 0.01),
        "gan_train": (0.4, 0.6),
        "gan_test": (0.7, 0.8),
        "ssim_between": (0.3, 0.25),
        "ssim_nearest": (0.5, 0.45),
        "memorised_share": (0.1, 0.05),
        "copied_share": (0.0, 0.0),
        "repeated_share": (0.02, 0.01),
        "unrealistic": (0.2, 0.1),
        "unvaried": (0.15, 0.05),
        "memorised": (0.0, 0.0),
        "underrepresented": (0.3, 0.25),
    }
    plain = {"precision": 0.8, "recall": 0.6, "density": 0.9, "coverage": 0.7, "inception_score": 1.2}
    plain |= {"membership_auc": 0.55}
    with_floors = {name: value for name, (value, _) in floors.items()}
    only_floors = {f"{name}_floor": floor for name, (_, floor) in floors.items()}
    found: dict[str, float | None] = {**plain, **with_floors, **only_floors, **metrics}
    return ImageQuality(metrics=found, num_generated=90, num_training=10, num_held_out=num_held_out, flags=flags)


def quality_arrays(by_class: Mapping[str, ImageQuality]) -> dict[str, Array]:
    """What the images of some classes are worth."""
    found = list(by_class.values())
    metrics, flags = list(found[0].metrics), ["copies", "collapsed"]
    return {
        "quality/classes": np.array([CLASS_NAMES.index(name) for name in by_class]),
        "quality/metrics": np.array(metrics),
        "quality/values": np.array([[each.metrics[name] for name in metrics] for each in found], dtype=float),
        "quality/flag_names": np.array(flags),
        "quality/flags": np.array([[flag in each.flags for flag in flags] for each in found]),
        "quality/features": np.array(found[0].features),
        **{
            f"quality/{name}": np.array([getattr(each, name) for each in found])
            for name in ("num_generated", "num_training", "num_held_out")
        },
    }


def with_generated(records: Sequence[Trial], balancer: str, *by_seed: Mapping[str, ImageQuality]) -> list[Trial]:
    """`records`, where those of the confirmed seeds 1, 2, ... of `balancer` measured `by_seed` images."""
    return [
        with_arrays(record, quality_arrays(by_seed[record.seed - 1]))
        if record.balancer == balancer and record.phase == "confirm" and record.seed <= len(by_seed)
        else record
        for record in records
    ]


def planted_plan(records: Sequence[TrialRecord]) -> VerdictPlan:
    """The plan that a study of these trials would have had: all methods, one look, a margin of 0.02."""
    methods = tuple(sorted({record.balancer for record in records} - {"none"}))
    ratios = tuple(sorted({record.imbalance_ratio for record in records}))
    sides = [
        ("all methods", methods, ("none",)),
        ("the chosen GAN", (CHOSEN_GAN,), (CHOSEN_SIMPLE, *(["duplicates"] if "duplicates" in methods else []))),
    ]
    seeds = {record.seed for record in records if record.phase == "confirm"}
    return VerdictPlan(
        margin=0.02,
        looks=(max(1, len(seeds)),),
        families=tuple(
            ComparisonFamily(
                name=f"{name} by {metric}", metric=metric, methods=those, references=references, ratios=ratios
            )
            for name, those, references in sides
            for metric in ("minority_f1", "minority_recall")
        ),
    )


def study_of(records: Sequence[Trial]) -> Study:
    """A study of these trials, which lies in no folder."""
    return Study(
        folder=Path("no folder"),
        name="planted",
        created_at="2026-01-01T00:00:00+00:00",
        config={"objective": "minority_f1"},
        environment={},
        verdicts=planted_plan(records),
        records=tuple(records),
    )


def write_study(folder: Path, records: Sequence[Trial], *, name: str = "planted <study>") -> Path:
    """A study folder with `records` and their arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {
        "schema_version": 2,
        "name": name,
        "study_id": "0123abcd",
        "created_at": "2025-01-02T03:04:05+00:00",
        "config": {"name": name, "imbalance": {"kind": "step", "ratio": 10}, "objective": "minority_f1"},
        "environment": {"python": "3.11.0", "torch": "2.9.0"},
        "verdicts": dump(planted_plan(records)),
    }
    (folder / "study.json").write_text(json.dumps(header), encoding="utf-8")
    write_arrays(folder, records)
    return folder


def write_arrays(folder: Path, records: Sequence[Trial]) -> None:
    """The records of a study and their arrays."""
    lines = [plain_record(record).to_line() + "\n" for record in records]
    (folder / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    for record in records:
        if record.stored:
            path = folder / array_path(record)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(to_bytes(record.stored))


def array_path(record: Trial) -> str:
    """Where a planted trial's arrays lie in its study's folder."""
    return f"artifacts/{record.trial_id}.npz"


def plain_record(record: Trial) -> TrialRecord:
    """The record of a trial, which names the file of its arrays."""
    values = {each.name: getattr(record, each.name) for each in fields(TrialRecord)}
    return TrialRecord(**values | {"arrays": array_path(record) if record.stored else None})


def with_test_epochs(record: Trial, accuracies: Sequence[float]) -> Trial:
    """`record` with these accuracies on the test set after each epoch of the classifier."""
    epochs = np.array([[accuracy, np.nan] for accuracy in accuracies])
    metrics = np.array(["accuracy", "minority_f1"])
    return with_arrays(record, {"scores/metrics": metrics, "classifier/test_epochs": epochs})


def with_samples(record: Trial, *, size: int = 8) -> Trial:
    """`record` with ten real and ten generated images of noise of each minority class, `size` pixels a side."""
    noise = np.random.default_rng(record.seed).integers(0, 256, (2, 20, 3, size, size), dtype=np.uint8)
    labels = np.repeat(MINORITY, 10)
    return with_arrays(
        record,
        {
            "samples/real": noise[0],
            "samples/real_label": labels,
            "samples/synthetic": noise[1],
            "samples/synthetic_label": labels,
        },
    )


def predicted_study(*, ratio: float = 10.0, fits: int = 1) -> list[Trial]:
    """No balancing, a simple method and a GAN with three seeds and a search, scored from stored predictions.

    Those of the confirmed trials are by so many `fits`.
    """
    arms = (("none", False), ("smote", False), ("dcgan", True))
    confirmations = [
        planted_record(balancer=name, validation=0.0, test=0.0, gan=gan, seed=seed, ratio=ratio)
        for name, gan in arms
        for seed in (1, 2, 3)
    ]
    baseline = planted_record(balancer="none", validation=0.0, phase="baseline", seed=0, ratio=ratio)
    searched = search_trials("dcgan", (0.0, 0.0), first=0, ratio=ratio)
    records = [with_predictions(record) for record in (baseline, *searched)]
    records += [with_predictions(record, fits=fits) for record in confirmations]
    reached = records[0].scores["validation"]["minority_f1"]
    return [
        replace(record, baseline=reached, objective=_minority_f1(record) - reached)
        if record.phase == "search" and reached is not None
        else record
        for record in records
    ]


def _minority_f1(record: Trial) -> float:
    value = record.scores["validation"]["minority_f1"]
    assert value is not None
    return value


def predicting(
    record: Trial,
    part: Part,
    labels: np.ndarray,
    *by_fit: np.ndarray,
    proportions: Sequence[float] | None = None,
) -> Trial:
    """`record` with these predictions of a part, probabilities of each fit, and the scores that they give."""
    fits = [
        score(labels, each, minority=record.minority_classes, class_proportions=proportions) for each in by_fit
    ]
    predictions = {
        f"{part}/labels": labels.astype(np.int64),
        f"{part}/probabilities": np.stack(by_fit).astype(np.float32),
    }
    scored = replace(record, num_fits=len(fits), scores={**record.scores, part: mean_overall(fits)})
    if part == "validation":
        scored = replace(scored, fit_spread=spread(fits, "minority_f1"))
    return with_arrays(scored, {**predictions, **to_arrays(part, fits)})


def with_predictions(record: Trial, *, fits: int = 1) -> Trial:
    """`record` with predictions of its own for each part that it has scores of, and the scores that they give."""
    rng = np.random.default_rng(sum(record.trial_id.encode()))
    test_counts = (50, 50, 12)
    for part in record.scores:
        labels = np.repeat(np.arange(3), (25, 9, 6) if part == "validation" else test_counts)
        logits = rng.normal(size=(fits, len(labels), 3)) + 1.5 * np.eye(3)[labels]
        probabilities = (np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)).astype(np.float32)
        proportions = [n / sum(test_counts) for n in test_counts] if part == "validation" else None
        record = predicting(record, part, labels, *probabilities, proportions=proportions)
    return record


def fitted(record: Trial, part: Part, labels: np.ndarray, probabilities: np.ndarray) -> Trial:
    """`record` with predictions [fits, N, K] of a part by several fits, and their unweighted scores."""
    fits = [score(labels, each, minority=record.minority_classes) for each in probabilities]
    predictions = {
        f"{part}/labels": labels.astype(np.int64),
        f"{part}/probabilities": probabilities.astype(np.float32),
    }
    scored = replace(record, scores={**record.scores, part: mean_overall(fits)})
    return with_arrays(scored, {**predictions, **to_arrays(part, fits)})


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [..., K] of logits."""
    likely = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return likely / likely.sum(axis=-1, keepdims=True)
