"""Studies with known results, written as a study folder is written."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gan_study.analysis.load import Study
from gan_study.trainables.classifiers.scores import score
from gan_study.trainables.record import (
    ClassCounts,
    EpochLoss,
    ImageQuality,
    Part,
    Phase,
    Scores,
    SearchStep,
    Selection,
    Status,
    TrialRecord,
)

CLASS_NAMES = ("benign", "malignant <b>&", "normal")
MINORITY = (1, 2)


def planted_scores(f1: float) -> Scores:
    """Scores with `f1` as minority F1, recall 0.1 above it, and round numbers elsewhere."""
    return Scores(
        overall={
            "accuracy": 0.9,
            "balanced_accuracy": 0.8,
            "macro_f1": 0.7,
            "minority_precision": None,
            "minority_recall": f1 + 0.1,
            "minority_f1": f1,
        },
        per_class={"precision": (0.9, None, 0.5), "recall": (0.9, 0.4, 0.6), "f1": (0.9, None, 0.5)},
        confusion_matrix=((8, 1, 1), (2, 2, 0), (0, 1, 3)),
    )


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
    artifacts: Mapping[str, str] | None = None,
) -> TrialRecord:
    """One trial whose minority F1 is `validation` and `test`."""
    parts = {"validation": validation, "test": test}
    made = (0, 90, 95) if gan else (0, 0, 0)
    return TrialRecord(
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
            "balancing": {"name": balancer, "gan": {"epochs": 5}} if gan else {"name": balancer},
        },
        class_names=CLASS_NAMES if status == "complete" else (),
        minority_classes=MINORITY if status == "complete" else (),
        class_counts=ClassCounts(
            available=(200, 200, 200),
            imbalanced=(125, 13, 7),
            training=(100, 10, 5),
            validation=(25, 3, 2),
            balanced=(100, 100, 100) if gan else (100, 10, 5),
            synthetic=made,
            test=(50, 50, 12) if test is not None else None,
        )
        if status == "complete"
        else None,
        scores={part: planted_scores(f1) for part, f1 in parts.items() if f1 is not None and status == "complete"},
        objective=objective,
        search=None if number is None else SearchStep(number=number, params={"balancer": balancer}),
        selection=Selection(search_trials=4 if gan else 0) if phase == "confirm" else None,
        losses={"all classes": tuple(EpochLoss(epoch=e, generator=1 / e, discriminator=0.5) for e in range(1, 6))}
        if gan and status == "complete"
        else {},
        artifacts=artifacts or {},
        notes=tuple(notes),
        seconds={"balancing": 2.0, "classifier": 1.0},
    )


def confirmed_arm(
    balancer: str,
    *,
    validation: Sequence[float],
    test: Sequence[float],
    gan: bool = False,
    ratio: float = 10.0,
    dataset: str = "shapes",
) -> list[TrialRecord]:
    """A method with one confirm trial for each pair of scores, seeds from 1."""
    return [
        planted_record(balancer=balancer, validation=v, test=t, gan=gan, ratio=ratio, dataset=dataset, seed=seed)
        for seed, (v, t) in enumerate(zip(validation, test, strict=True), start=1)
    ]


def planted_study(ratio: float = 10.0) -> list[TrialRecord]:
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


def search_trials(balancer: str, gains: Sequence[float], *, first: int, ratio: float = 10.0) -> list[TrialRecord]:
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
    }
    plain = {"precision": 0.8, "recall": 0.6, "density": 0.9, "coverage": 0.7, "inception_score": 1.2}
    with_floors = {name: value for name, (value, _) in floors.items()}
    only_floors = {f"{name}_floor": floor for name, (_, floor) in floors.items()}
    found: dict[str, float | None] = {**plain, **with_floors, **only_floors, **metrics}
    return ImageQuality(
        metrics=found,
        missing={name: "needs more images" for name, value in found.items() if value is None},
        num_generated=90,
        num_training=10,
        num_held_out=num_held_out,
        flags=flags,
    )


def with_generated(
    records: Sequence[TrialRecord], balancer: str, *by_seed: Mapping[str, ImageQuality]
) -> list[TrialRecord]:
    """`records`, where those of the confirmed seeds 1, 2, ... of `balancer` measured `by_seed` images."""
    return [
        replace(record, generated=by_seed[record.seed - 1])
        if record.balancer == balancer and record.phase == "confirm" and record.seed <= len(by_seed)
        else record
        for record in records
    ]


def study_of(records: Sequence[TrialRecord], folder: Path = Path("no folder")) -> Study:
    """A study of these records, whose predictions are in `folder` or nowhere."""
    return Study(
        folder=folder,
        name="planted",
        created_at="2026-01-01T00:00:00+00:00",
        config={"objective": "minority_f1"},
        environment={},
        records=tuple(records),
    )


def write_study(folder: Path, records: Sequence[TrialRecord], *, name: str = "planted <study>") -> Path:
    """A study folder with `records`."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {
        "name": name,
        "study_id": "0123abcd",
        "created_at": "2025-01-02T03:04:05+00:00",
        "config": {"name": name, "imbalance": {"kind": "step", "ratio": 10}, "objective": "minority_f1"},
        "environment": {"python": "3.11.0", "torch": "2.9.0"},
    }
    (folder / "study.json").write_text(json.dumps(header), encoding="utf-8")
    (folder / "records.jsonl").write_text("".join(record.to_line() + "\n" for record in records), encoding="utf-8")
    return folder


def with_samples(folder: Path, record: TrialRecord, *, size: tuple[int, int] = (320, 80)) -> TrialRecord:
    """`record` with a grid of noise `size` (width, height) as its samples."""
    path = f"artifacts/{record.trial_id}/samples.png"
    noise = np.random.default_rng(record.seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(buffer.getvalue())
    return replace(record, artifacts={**record.artifacts, "samples": path})


def predicted_study(folder: Path, *, ratio: float = 10.0) -> list[TrialRecord]:
    """No balancing, a simple method and a GAN with three seeds and a search, scored from stored predictions."""
    arms = (("none", False), ("smote", False), ("dcgan", True))
    confirmations = [
        planted_record(balancer=name, validation=0.0, test=0.0, gan=gan, seed=seed, ratio=ratio)
        for name, gan in arms
        for seed in (1, 2, 3)
    ]
    baseline = planted_record(balancer="none", validation=0.0, phase="baseline", seed=0, ratio=ratio)
    searched = search_trials("dcgan", (0.0, 0.0), first=0, ratio=ratio)
    records = [with_predictions(folder, record) for record in (baseline, *searched, *confirmations)]
    reached = records[0].scores["validation"].overall["minority_f1"]
    return [
        replace(record, baseline=reached, objective=_minority_f1(record) - reached)
        if record.phase == "search" and reached is not None
        else record
        for record in records
    ]


def _minority_f1(record: TrialRecord) -> float:
    value = record.scores["validation"].overall["minority_f1"]
    assert value is not None
    return value


def predicting(folder: Path, record: TrialRecord, labels: np.ndarray, probabilities: np.ndarray) -> TrialRecord:
    """`record` with these predictions of the test part, stored in `folder`, and the scores that they give."""
    artifacts = {"predictions_test": f"artifacts/{record.trial_id}/predictions_test.npz"}
    path = folder / artifacts["predictions_test"]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, labels=labels, probabilities=probabilities)
    scores = score(labels, probabilities, minority=record.minority_classes)
    return replace(record, artifacts=artifacts, scores={**record.scores, "test": scores})


def with_predictions(folder: Path, record: TrialRecord) -> TrialRecord:
    """`record` with predictions of its own, stored in `folder`, and the scores that they give."""
    rng = np.random.default_rng(sum(record.trial_id.encode()))
    test_counts = (50, 50, 12)
    artifacts: dict[str, str] = {}
    scores: dict[Part, Scores] = {}
    for part in record.scores:
        labels = np.repeat(np.arange(3), (25, 9, 6) if part == "validation" else test_counts)
        logits = rng.normal(size=(len(labels), 3)) + 1.5 * np.eye(3)[labels]
        probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
        artifacts[f"predictions_{part}"] = f"artifacts/{record.trial_id}/predictions_{part}.npz"
        path = folder / artifacts[f"predictions_{part}"]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, labels=labels, probabilities=probabilities)
        scores[part] = score(
            labels,
            probabilities,
            minority=MINORITY,
            class_proportions=[n / sum(test_counts) for n in test_counts] if part == "validation" else None,
        )
    return replace(record, artifacts=artifacts, scores=scores)
