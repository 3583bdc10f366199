"""The images and points that trials leave, planted as a trial writes them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from gan_study.analysis.page.drawing import Drawing, Drawings, collect
from gan_study.analysis.page.drawings import page_drawings, picture_drawings
from gan_study.analysis.page.report import PAGE_FILE, REPORT_FOLDER, render, report_tables
from gan_study.analysis.plots.charts import charts
from gan_study.analysis.plots.image_map import map_frame
from gan_study.analysis.records.load import load_study
from gan_study.analysis.records.trial import Trial
from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.image_quality.class_quality import ClassQuality, ImageSample
from gan_study.trainables.image_quality.judge import MeasuredImages
from gan_study.trainables.image_quality.memorisation import measure_memorisation
from gan_study.trainables.trial.artifacts import measured_arrays, snapshot_arrays
from tests.analysis.planted import CLASS_NAMES, MINORITY, with_arrays

STEPS = (16, 32, 64, 80)
SIZE, CHANNELS = 8, 3


def draw_here(drawings: Iterable[Drawing]) -> Drawings:
    """What comes of drawings in this process, which to start another takes seconds."""
    return collect(drawing.draw() for drawing in drawings)


def write_page(folder: Path) -> Path:
    """The page of a study alone: no chart is drawn as a file, which takes most of a report's time."""
    study = load_study(folder)
    plotted = charts(study, map_frame(study))
    drawn = draw_here([*picture_drawings(study), *page_drawings(study)])
    page = folder / REPORT_FOLDER / PAGE_FILE
    page.parent.mkdir()
    page.write_text(render(study, report_tables(study), drawn, plotted), encoding="utf-8")
    return page


def with_pictures(record: Trial) -> Trial:
    """`record` with snapshots, pairs and the points of a map: of noise, and of the same noise a little darker."""
    random = np.random.default_rng(record.seed)
    real = random.uniform(-1, 1, (20, CHANNELS, SIZE, SIZE))
    made = 0.9 * real[:12]
    measured = {label: _measured(made, real) for label in MINORITY}
    apart = {label: _measured(made + label, real + label) for label in MINORITY}
    kinds = {"nearest/": measured_arrays(measured), "map/": measured_arrays(apart)}
    left = {name: each for kind, arrays in kinds.items() for name, each in arrays.items() if name.startswith(kind)}
    return with_arrays(record, {**_snapshots(real), **left})


def _snapshots(real: np.ndarray) -> dict[str, np.ndarray]:
    images = torch.from_numpy(np.tile(real, (3, 1, 1, 1))).float()
    labels = torch.arange(3).repeat_interleave(len(real))
    training = TrainingSet(
        images=images,
        labels=labels,
        weights=torch.ones(len(labels)),
        synthetic=torch.zeros(len(labels), dtype=torch.bool),
        classes=Classes(names=CLASS_NAMES, minority=MINORITY),
    )
    shade = {step: torch.full((4, CHANNELS, SIZE, SIZE), 3 * step, dtype=torch.uint8) for step in STEPS}
    return snapshot_arrays(training, dict.fromkeys(MINORITY, shade))


def _measured(made: np.ndarray, real: np.ndarray) -> MeasuredImages:
    nothing = np.zeros((0, 1))
    quality = ClassQuality(
        metrics={},
        missing={},
        num_generated=12,
        num_training=20,
        num_held_out=0,
        flags=(),
        memorisation=measure_memorisation(nothing, nothing, nothing, seed=0),
        num_distinct=12,
        intervals={},
    )
    return MeasuredImages(quality=quality, rejected={}, generated=_sample(made), training=_sample(real))


def _sample(images: np.ndarray) -> ImageSample:
    return ImageSample(images=images, features=images.reshape(len(images), -1))
