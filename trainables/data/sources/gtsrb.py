"""The German Traffic Sign Recognition Benchmark (Stallkamp et al. 2012): 43 classes, uneven by nature, colour.

A folder of data sets holds `gtsrb/GTSRB/Training/<class>/*.ppm` (26,640 images, which torchvision downloads), or
`gtsrb/GTSRB/Final_Training/Images/<class>/*.ppm` (all 39,209), and for the test set
`gtsrb/GTSRB/Final_Test/Images/*.ppm` and `gtsrb/GT-final_test.csv`. It may also be the folder `gtsrb` itself.
"""

import csv
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from gan_study.trainables.base.files import read_text
from gan_study.trainables.data.pixels import read_pixels
from gan_study.trainables.data.published import Layout, Part, PublishedSet

_TRAINING = "GTSRB/Training"
_FINAL_TRAINING = "GTSRB/Final_Training/Images"
_TEST = "GTSRB/Final_Test/Images"
_TEST_LABELS = "GT-final_test.csv"
# Stallkamp et al. 2012: a car passed every sign once, and 30 frames of each pass are in the set.
_TRACKS = (
    "gtsrb's training images come in runs of 30 frames of one sign; validation has frames of the same signs, "
    "the test set has none of them"
)

# In the order of the labels 00000 to 00042.
CLASS_NAMES = (
    *("speed limit 20", "speed limit 30", "speed limit 50", "speed limit 60", "speed limit 70"),
    *("speed limit 80", "end of speed limit 80", "speed limit 100", "speed limit 120", "no passing"),
    *("no passing for trucks", "right of way at next intersection", "priority road", "yield", "stop"),
    *("no vehicles", "no trucks", "no entry", "general caution", "dangerous curve left"),
    *("dangerous curve right", "double curve", "bumpy road", "slippery road", "road narrows on the right"),
    *("road work", "traffic signals", "pedestrians", "children crossing", "bicycles crossing"),
    *("beware of ice and snow", "wild animals crossing", "end of all limits", "turn right ahead"),
    *("turn left ahead", "ahead only", "ahead or right", "ahead or left", "keep right", "keep left"),
    *("roundabout", "end of no passing", "end of no passing for trucks"),
)


def _read_part(training: str, folder: Path, train: bool) -> Part:
    return _read_training(folder / training) if train else _read_test(folder)


def _read_training(folder: Path) -> Part:
    files = [sorted((folder / f"{label:05d}").glob("*.ppm")) for label in range(len(CLASS_NAMES))]
    empty = [f"{label:05d}" for label, paths in enumerate(files) if not paths]
    if empty:
        raise FileNotFoundError(f"the folder has no .ppm file: {folder / empty[0]}")
    labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(paths) for paths in files])
    return Part(images=map(read_pixels, chain.from_iterable(files)), labels=labels, notes=(_TRACKS,))


def _read_test(folder: Path) -> Part:
    rows = list(csv.DictReader(read_text(folder / _TEST_LABELS).splitlines(), delimiter=";"))
    labels = np.array([int(row["ClassId"]) for row in rows], dtype=np.int64)
    return Part(images=(read_pixels(folder / _TEST / row["Filename"]) for row in rows), labels=labels)


def _download(aside: Path) -> tuple[Path, ...]:
    from torchvision import datasets  # late: it takes a second

    for split in ("train", "test"):
        datasets.GTSRB(aside, split=split, download=True)
    return (aside / "gtsrb" / _TEST_LABELS, aside / "gtsrb" / "GTSRB")


GTSRB_SET = PublishedSet(
    name="gtsrb",
    summary="26,640 (or 39,209) + 12,630 photographs of German traffic signs, 43 uneven classes, colour",
    class_names=CLASS_NAMES,
    channels=3,
    # Counted in the official GT-final_test.csv: 12,630.
    test_counts=(
        *(60, 720, 750, 450, 660, 630, 150, 450, 450, 480, 660, 420, 690, 720, 270),
        *(210, 150, 360, 390, 60, 90, 90, 120, 150, 90, 480, 180, 60, 150, 90),
        *(150, 270, 60, 210, 120, 390, 120, 60, 690, 90, 90, 60, 90),
    ),
    layouts=tuple(
        Layout(
            marker=training,
            read=partial(_read_part, training),
            pool=(f"{training}/*/*.ppm",),
            test=(_TEST_LABELS, f"{_TEST}/*.ppm"),
        )
        for training in (_TRAINING, _FINAL_TRAINING)
    ),
    download=_download,
    by_hand=(
        "what is in GTSRB-Training_fixed.zip, GTSRB_Final_Test_Images.zip and GTSRB_Final_Test_GT.zip of "
        "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/published-archive.html"
    ),
)

GTSRB = GTSRB_SET.as_data_set()
