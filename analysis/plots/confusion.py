"""Confusion matrices, each seed's rows normalised and the seeds averaged."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis.plots.palette import GAIN_MAP
from gan_study.analysis.plots.style import WIDTH_INCHES, panels, shortened
from gan_study.analysis.records.select import NO_BALANCING
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import MINUS

# Above this many classes a cell is too small for its number.
MOST_NUMBERED = 12
# With more classes only every second or third one is named, so that names do not overlap.
MOST_NAMED = 15
# Differences that changed nothing are not to be seen under a microscope.
SMALLEST_DIFFERENCE = 0.02

Matrix = npt.NDArray[np.float64]


def confusion_data(records: Sequence[Trial], balancers: Sequence[str]) -> dict[str, Matrix]:
    """Each method's mean test confusion matrix [true, predicted] over `records`, rows as fractions in [0, 1].

    A row without a test image is NaN. Methods without a test score are left out.
    """
    found = {
        name: [scores for r in records if r.balancer == name and (scores := r.class_scores("test"))]
        for name in balancers
    }
    return {
        name: np.mean([_row_normalised(scores.confusion_matrix) for scores in by_seed], axis=0)
        for name, by_seed in found.items()
        if by_seed
    }


def _row_normalised(matrix: npt.NDArray[np.int64]) -> Matrix:
    counts = matrix.astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    fractions: Matrix = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    return fractions


def confusion_differences(data: Mapping[str, Matrix]) -> dict[str, Matrix]:
    """Each other method's matrix minus that of no balancing, in [-1, 1]; none without one of no balancing."""
    none = data.get(NO_BALANCING)
    return {} if none is None else {name: each - none for name, each in data.items() if name != NO_BALANCING}


def confusion_frame(data: Mapping[str, Matrix], class_names: Sequence[str]) -> pd.DataFrame:
    """Each cell of each method's matrix."""
    rows = [
        (balancer, class_names[row], class_names[column], value)
        for balancer, matrix in data.items()
        for (row, column), value in np.ndenumerate(matrix)
    ]
    return pd.DataFrame(rows, columns=["balancer", "true_class", "predicted_class", "fraction"])


def draw_confusion(data: Mapping[str, Matrix], class_names: Sequence[str]) -> Figure:
    """The matrices side by side, on one colour scale."""
    return _draw(
        data, class_names, ends=(0, 100), colours="Greys", title="% of the true class", dark=55, form=".0f"
    )


def draw_confusion_differences(data: Mapping[str, Matrix], class_names: Sequence[str]) -> Figure:
    """The differences side by side; teal cells have gained images, brown ones lost them."""
    most = max((float(np.nanmax(np.abs(each))) for each in data.values() if not np.isnan(each).all()), default=0.0)
    most = max(most, SMALLEST_DIFFERENCE)
    ends, title = (-100 * most, 100 * most), "Change in percentage points"
    return _draw(data, class_names, ends=ends, colours=GAIN_MAP, title=title, dark=60 * most, form="+.0f")


def _draw(
    data: Mapping[str, Matrix],
    class_names: Sequence[str],
    *,
    ends: tuple[float, float],
    colours: str,
    title: str,
    dark: float,
    form: str,
) -> Figure:
    """The matrices in per cent on a scale with these ends; numbers are white on colours beyond `dark`."""
    names = [shortened(name, longest=16) for name in class_names]
    named = range(0, len(names), math.ceil(len(names) / MOST_NAMED))
    longest = max(map(len, names))
    figure, axes = panels(len(data), columns=3, row_inches=WIDTH_INCHES / 4.2 + 0.085 * longest)
    for panel, (balancer, matrix) in zip(axes, data.items(), strict=True):
        image = panel.imshow(100 * matrix, vmin=ends[0], vmax=ends[1], cmap=colours)
        panel.set_title(shortened(balancer, longest=16))
        panel.grid(visible=False)
        panel.set_xticks(named, [names[place] for place in named], rotation=90)
        panel.set_yticks(named, [names[place] for place in named])
        if len(class_names) <= MOST_NUMBERED:
            _write_numbers(panel, 100 * matrix, dark=dark, form=form)
    figure.supxlabel("Predicted class")
    figure.supylabel("True class")
    figure.colorbar(image, ax=axes, shrink=0.7, label=title)
    return figure


def _write_numbers(panel: Axes, matrix: Matrix, *, dark: float, form: str) -> None:
    size = "medium" if len(matrix) <= 5 else 7.5
    for (row, column), value in np.ndenumerate(matrix):
        # A cell that rounds to none stays empty, so that the others stand out.
        if not np.isnan(value) and round(value):
            colour = "white" if abs(value) > dark else "black"
            text = f"{value:{form}}".replace("-", MINUS)
            panel.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
