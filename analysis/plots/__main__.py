"""The process that draws a study; see `analysis/drawing.py`."""

from gan_study.analysis.plots.drawings import GROUPS
from gan_study.analysis.plots.process import run

if __name__ == "__main__":
    run(GROUPS)
