"""The commands of `gan-study`, one module for each kind of task; `study/cli.py` loads them."""

from gan_study.study.commands.main import app, run_command

__all__ = ["app", "run_command"]
