"""Refuses to build from a copy without the links in gan_study/; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

if not Path("gan_study/study").is_dir():
    # pip unpacks a .zip so, and the wheel would hold nothing but gan_study/__init__.py.
    raise SystemExit("gan_study/study is no folder: this copy lost its links; use git clone, a .tar.gz or a wheel")

setup()
