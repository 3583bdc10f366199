"""Does training a GAN on the rare classes help a classifier find them? A Ray Tune study answers this.

Scripts and notebooks import everything they need from here. Each name loads its module when it is first used, so
`import gan_study` loads neither torch nor Ray.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_study.analysis.page.report import terminal_summary
    from gan_study.analysis.records.load import load_study
    from gan_study.study.balance import export_balanced
    from gan_study.study.plan.config import StudyConfig
    from gan_study.study.plan.recipe import study_config
    from gan_study.study.run.options import RunOptions
    from gan_study.study.run.runner import resume_study, run_study
    from gan_study.trainables.data.imbalance import StepImbalance
    from gan_study.trainables.data.torch_dataset import torch_data_set
    from gan_study.trainables.export.balanced_dataset import BalancedDataset
    from gan_study.trainables.export.balanced_folder import retrain
    from gan_study.trainables.export.over_sampler import ImageOverSampler
    from gan_study.trainables.export.saved_generator import load_generator
    from gan_study.trainables.trial.config import parse_trial
    from gan_study.trainables.trial.purpose import Purpose
    from gan_study.trainables.trial.run import run_trial

    __version__: str

__all__ = [
    "BalancedDataset",
    "ImageOverSampler",
    "Purpose",
    "RunOptions",
    "StepImbalance",
    "StudyConfig",
    "__version__",
    "export_balanced",
    "load_generator",
    "load_study",
    "parse_trial",
    "resume_study",
    "retrain",
    "run_study",
    "run_trial",
    "study_config",
    "terminal_summary",
    "torch_data_set",
]

# Where each name is defined. Type checkers read the imports above instead, and tests compare the two.
_MODULE_OF = {
    "BalancedDataset": "trainables.export.balanced_dataset",
    "ImageOverSampler": "trainables.export.over_sampler",
    "Purpose": "trainables.trial.purpose",
    "RunOptions": "study.run.options",
    "StepImbalance": "trainables.data.imbalance",
    "StudyConfig": "study.plan.config",
    "export_balanced": "study.balance",
    "load_generator": "trainables.export.saved_generator",
    "load_study": "analysis.records.load",
    "parse_trial": "trainables.trial.config",
    "resume_study": "study.run.runner",
    "retrain": "trainables.export.balanced_folder",
    "run_study": "study.run.runner",
    "run_trial": "trainables.trial.run",
    "study_config": "study.plan.recipe",
    "terminal_summary": "analysis.page.report",
    "torch_data_set": "trainables.data.torch_dataset",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Hidden from type checkers, for whom any misspelt name would exist otherwise.
if not TYPE_CHECKING:

    def __getattr__(name):
        """The public name's value, which is kept from then on; raises AttributeError for any other name."""
        if name == "__version__":
            from importlib.metadata import version

            value = version("gan-study")
        elif name in _MODULE_OF:
            value = getattr(importlib.import_module(f"gan_study.{_MODULE_OF[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value
