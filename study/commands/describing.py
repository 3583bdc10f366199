"""Commands that describe the parts of a study: list, explain, check-plugin and show."""

import json
from typing import Annotated

import typer

from gan_study.study.commands.options import Data, Recipe, Set, complete_key
from gan_study.study.commands.output import console
from gan_study.study.watch.terminal import say
from gan_study.trainables.base.settings import UserError


def list_parts() -> None:
    """List all parts that a study can use.

    Data sets, balancers, GAN variants, classifiers, metrics, search spaces and recipes; parts of other packages
    are listed from their metadata.
    """
    from gan_study.study.listing import listing

    for title, entries in listing().items():
        console.print(title, style="bold")
        width = max(len(name) for name in entries)
        for name, summary in entries.items():
            say(console, f"  {name:{width}}  {summary}")


def explain(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY",
            help="A setting, such as classifier.epochs, or the last part of its name.",
            autocompletion=complete_key,
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a recipe, for editors.")
    ] = False,
) -> None:
    """Print the meaning, the allowed values and the default of a setting; without KEY all sections."""
    from gan_study.study import explain as settings

    if schema and key is not None:
        raise UserError(f"--schema prints all settings; leave {key} out")
    if schema:
        print(json.dumps(settings.read_reference()["schema"], indent=1, ensure_ascii=False))
        return
    for each in settings.sections() if key is None else settings.explain(key):
        for line in each.lines():
            say(console, line)


def check_plugin(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A part's name (see `gan-study list`), or module:attribute."),
    ],
    data: Data = None,
) -> None:
    """Check a part of another package against the contract of its kind.

    Exit code 0 if it keeps every promise, 1 if it breaks one, 2 if it cannot be loaded. A data set that reads
    files needs --data.
    """
    from gan_study.trainables.contracts.parts import check_part, find_parts
    from gan_study.trainables.data.source import DataConfig

    broken = 0
    for part in find_parts(name, where="NAME"):
        of = "" if part.registered is None else f", of {part.registered.package}: {part.registered.reference}"
        say(console, f"{name} ({part.kind}{of})")
        for finding in check_part(part, data=DataConfig(root=data), where="NAME"):
            broken += finding.wrong is not None
            say(console, f"  {'passed' if finding.wrong is None else 'FAILED'}: {finding.promise}")
            if finding.wrong is not None:
                say(console, f"    {finding.wrong}")
    if broken:
        raise typer.Exit(1)


def show(recipe: Recipe, set_: Set = None) -> None:
    """Print a recipe's whole configuration.

    As YAML, including the search space and every default.
    """
    from gan_study.study.plan.config import resolve_study
    from gan_study.study.plan.recipe import study_config
    from gan_study.trainables.base.documents import to_yaml

    print(to_yaml(resolve_study(study_config(recipe, set_ or []))))
