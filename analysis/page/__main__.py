"""The process that draws a study; see `analysis/page/drawing.py`."""

from gan_study.analysis.page.drawings import GROUPS
from gan_study.analysis.page.process import run

if __name__ == "__main__":
    run(GROUPS)
