"""Why a trial is run."""

from pydantic import Field

from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.metrics import Costs
from gan_study.trainables.records.record import Phase, SearchTrial, Selection


@settings
class Purpose:
    """Why a trial is run, and the reference for its gain.

    Examples
    --------
    >>> from gan_study import Purpose
    >>> Purpose(phase="search", baseline=0.5).metric
    'minority_f1'
    """

    phase: Phase
    """"baseline", "search" or "confirm"."""
    metric: str = "minority_f1"
    """The overall score to maximise; "module:function" is computed beside the others."""
    costs: Costs = Field(default_factory=dict)
    """Cost of mistakes, by true and predicted class; with costs, the expected cost is computed."""
    baseline: float | None = None
    """Its value on validation images without balancing in the same setting; the objective is the gain over it."""
    search: SearchTrial | None = None
    """Which trial of the search it is; None outside the search."""
    selection: Selection | None = None
    """How its configuration was chosen; None if it is not confirmed."""

    @property
    def measures_images(self) -> bool:
        """Whether a confirm trial measures generated images: only in the first round of seeds.

        Later rounds are for undecided gains; the quality of the images is known by then.
        """
        return self.selection is None or self.selection.round == 1
