"""The commands of `gan-study`, a module for each thing that people do; `study/cli.py` loads them."""

from gan_study.study.commands.main import app, run_command

__all__ = ["app", "run_command"]
