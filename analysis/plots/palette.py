"""The colours and markers of figures and charts: one colour means one thing everywhere.

Kinds of methods have the colours of Okabe and Ito, classes those of Tol's muted scheme, and gains in a map go from
brown to teal; readers with red-green colour blindness can distinguish all of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import pandas as pd

from gan_study.analysis.records.select import MethodKind, method_kinds
from gan_study.trainables.records.record import TrialRecord

# Okabe and Ito, "Color Universal Design" (2008).
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
PURPLE = "#CC79A7"
OKABE_ITO = (BLUE, VERMILION, GREEN, ORANGE, SKY, BLACK)
# Grey, which both a white and a dark page show.
GREY = "#7d858c"

Kind: TypeAlias = Literal[
    "no balancing",
    "resampling or augmentation",
    "loss or weights",
    "GAN",
    "other generator",
    "upper bound (more real images)",
]
# Methods that change the loss, the head, the weights of images or the predictions, and not the images.
RE_WEIGHTING = frozenset(
    {
        *("class_weights", "class_balanced_loss", "focal_loss", "ldam", "ldam_drw", "balanced_softmax"),
        *("logit_adjustment", "threshold_moving", "crt", "feature_smote"),
    }
)
_KINDS: Mapping[MethodKind, Kind] = {
    "no balancing": "no balancing",
    "simple": "resampling or augmentation",
    "GAN": "GAN",
    "other generator": "other generator",
    "upper bound": "upper bound (more real images)",
}
KIND_COLOURS: Mapping[Kind, str] = {
    "no balancing": GREY,
    "resampling or augmentation": VERMILION,
    "loss or weights": PURPLE,
    "GAN": BLUE,
    "other generator": ORANGE,
    "upper bound (more real images)": GREEN,
}
KIND_SHAPES: Mapping[Kind, str] = {
    "no balancing": "square",
    "resampling or augmentation": "diamond",
    "loss or weights": "triangle-down",
    "GAN": "circle",
    "other generator": "triangle-right",
    "upper bound (more real images)": "triangle-up",
}
# The same as letters.
KIND_MARKS: Mapping[Kind, str] = dict(zip(KIND_SHAPES, "■◆▼●▶▲", strict=True))

# Tol, "Colour schemes" (2021), muted.
CLASS_COLOURS = (
    *("#CC6677", "#6a5acd", "#DDCC77", "#117733", "#88CCEE"),
    *("#b0417a", "#44AA99", "#999933", "#AA4499", "#b5651d"),
)
# What a GAN of all classes together is trained on.
ALL_CLASSES_COLOUR = "#a04040"
# Stages of a trial: moss and sand, which are no method's and no class's.
STAGE_COLOURS = ("#668855", "#99cc88", "#665500", "#bbccbb", "#998855", "#445533", "#006666")
# Tints of the GANs' blue, for variants side by side.
GAN_TINTS = ("#0072B2", "#5aa9dc", "#003f66", "#b9d4ee", "#2f8fc9", "#00588a")
OTHER_TINTS = (ORANGE, "#f7c36b")
# Likewise tints of other kinds.
KIND_TINTS: Mapping[Kind, tuple[str, ...]] = {
    "no balancing": (GREY,),
    "resampling or augmentation": (VERMILION, "#f2a273", "#8c3d00", "#ffc9a6", "#b86d3d", "#5e2900"),
    "loss or weights": (PURPLE, "#8f3f6b", "#e8bcd4", "#a8578a", "#5e2746"),
    "GAN": GAN_TINTS,
    "other generator": OTHER_TINTS,
    "upper bound (more real images)": (GREEN,),
}
# Gains and losses in a map: brown loses, teal gains, and what is near 0 shows the page, be it light or dark.
GAIN_RANGE = ("#8c510a", "rgba(140, 140, 140, 0.06)", "#01665e")
# Shares in a map, from none to all.
SHARE_RANGE = ("rgba(110, 122, 136, 0.05)", "#3d4a57")
REAL_COLOUR, SYNTHETIC_COLOUR = "#bfae9a", BLUE
# Sources of spread, which have shapes as well.
SOURCE_COLOURS = ("#aa99dd", "#bb8888", "#775544", "#554488")
# Every palette in which a colour stands for one thing: none has a colour of another, or nearly (a test compares).
PALETTES: Mapping[str, tuple[str, ...]] = {
    **{str(kind): shades for kind, shades in KIND_TINTS.items()},
    "class": (*CLASS_COLOURS, ALL_CLASSES_COLOUR),
    "stage": STAGE_COLOURS,
    "source of spread": SOURCE_COLOURS,
    "real images": (REAL_COLOUR,),
}


def tints(kinds: Mapping[str, Kind]) -> dict[str, str]:
    """A tint of its kind's colour for each method."""
    numbers: Counter[Kind] = Counter()
    found = {}
    for name, kind in kinds.items():
        found[name] = KIND_TINTS[kind][numbers[kind] % len(KIND_TINTS[kind])]
        numbers[kind] += 1
    return found


def kind_of(balancer: str, method_kind: MethodKind) -> Kind:
    """What kind of method a balancer is."""
    return "loss or weights" if balancer in RE_WEIGHTING else _KINDS[method_kind]


def with_kinds(frame: pd.DataFrame, records: Sequence[TrialRecord]) -> pd.DataFrame:
    """`frame` with the kind of each row's method, which determines its colour."""
    kinds = {name: kind_of(name, kind) for name, kind in method_kinds(records).items()}
    return frame.assign(kind=frame["balancer"].map(kinds))
