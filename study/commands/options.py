"""Arguments and options that several commands take."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from gan_study.trainables.base.documents import from_yaml
from gan_study.trainables.base.settings import ConfigError, UserError


def _complete_recipe(begun: str) -> list[str]:
    from gan_study.study.explain import read_reference

    return [name for name in read_reference()["listing"]["Recipes"] if name.startswith(begun)]


def complete_key(begun: str) -> list[str]:
    """The settings whose name begins so."""
    from gan_study.study.explain import all_settings

    return [each.key for each in all_settings() if each.key.startswith(begun)]


def _complete_assignment(begun: str) -> list[str]:
    return [f"{key}=" for key in complete_key(begun)]


Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe's name (see `gan-study list`), or a YAML file.",
        autocompletion=_complete_recipe,
    ),
]
Data = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="Folder with the data set or the image folders.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting, for instance classifier.epochs=3; repeatable.",
        autocompletion=_complete_assignment,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="TIME",
        help="Do what fits into TIME, including the report, and print what is left out: 3m, 2h.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="ADDRESS", help="Run on this Ray cluster: auto, HOST:PORT or ray://HOST:PORT."
    ),
]
UntilDecided = Annotated[
    bool, typer.Option("--until-decided", help="Add seeds, round by round, to methods that are still undecided.")
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Continue without images that cannot be read, and list them.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show all messages of Ray.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only the answer, the path of the report, and problems.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.")]


def assignments(given: Sequence[str] | None, shortcuts: Mapping[str, JsonValue]) -> list[str]:
    """Those that `--set` gave, and options as such assignments; None is left out.

    Raises UserError if two of them say different things of one setting.
    """
    # JSON is YAML, and quotes what YAML would misread.
    options = [f"{key}={json.dumps(value)}" for key, value in shortcuts.items() if value is not None]
    values: dict[str, JsonValue] = {}
    for assignment in (*(given or ()), *options):
        key, _, text = (part.strip() for part in assignment.partition("="))
        # What is no YAML is refused as such when it is read.
        with contextlib.suppress(ConfigError):
            value = from_yaml(text)
            # As text, since NaN does not equal itself.
            if repr(values.setdefault(key, value)) != repr(value):
                raise UserError(f"{key}: {values[key]} and {value} were given; say one of them")
    return [*(given or ()), *options]
