"""Commands that write generated images: balance and sample."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from gan_study.study.cli import INTERRUPTED
from gan_study.study.commands.options import Data, Set, SkipUnreadable, assignments
from gan_study.study.commands.output import console, fail
from gan_study.study.watch.terminal import printable, say
from gan_study.trainables.base.files import named_path

if TYPE_CHECKING:
    from gan_study.study.balance import BalanceOptions
    from gan_study.trainables.export.balanced_folder import Description

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the balanced data set.")]
From = Annotated[
    Path | None, typer.Option("--from", metavar="STUDY", help="Folder of a study: its best confirmed GAN is used.")
]
Variant = Annotated[str | None, typer.Option("--variant", metavar="NAME", help="The GAN or flow to use.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Training length, in generator steps.")]
Ratio = Annotated[float | None, typer.Option("--ratio", help="The imbalance ratio of the study to use.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the split and the training.")]
AllImages = Annotated[
    bool,
    typer.Option("--all-images", help="Also train on the validation set; there are no validation scores then."),
]
Link = Annotated[bool, typer.Option("--link", help="Link real images instead of copying them.")]
About = Annotated[
    Path | None,
    typer.Option("--about", metavar="FILE", help="YAML file with facts about the real images: license, source."),
]
AllowMemorised = Annotated[
    bool,
    typer.Option("--allow-memorised", help="Write the images that are not copies even if images are memorised."),
]
AllowCollapsed = Annotated[
    bool,
    typer.Option("--allow-collapsed", help="Write the folder even if the GAN makes only a few different images."),
]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Write the folder even if images are missing.")
]


def balance(
    out: Out,
    data: Data = None,
    from_: From = None,
    variant: Variant = None,
    steps: Steps = None,
    ratio: Ratio = None,
    seed: Seed = None,
    set_: Set = None,
    all_images: AllImages = False,
    link: Link = False,
    about: About = None,
    allow_memorised: AllowMemorised = False,
    allow_collapsed: AllowCollapsed = False,
    allow_missing: AllowMissing = False,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Train a GAN on the rare classes and write the balanced data set.

    As an image folder, with the generator beside it; to continue after an interruption, run the same command
    again.
    """
    from gan_study.study.balance import BalanceOptions, allowed_faults

    # Refused where they name two folders; a study's settings are refused later.
    assignments(set_, {"data.root": data})
    options = BalanceOptions(
        study=from_,
        data=data,
        variant=variant,
        generator_steps=steps,
        ratio=ratio,
        seed=seed,
        assignments=(*(set_ or ()), *(("data.skip_unreadable=true",) if skip_unreadable else ())),
        all_images=all_images,
        links=link,
        about=about,
        allowed=allowed_faults(memorised=allow_memorised, collapsed=allow_collapsed, missing=allow_missing),
    )
    try:
        description = _export(options, out)
    except KeyboardInterrupt:
        fail("interrupted; run the same command again to continue", INTERRUPTED)
    _print_export(description, named_path(out))


def _export(options: "BalanceOptions", out: Path) -> "Description":
    """Say what was read of the data, and write the balanced data set; returns what it holds."""
    from gan_study.study.balance import export_request, run_export
    from gan_study.study.run.data_checks import data_lines

    request = export_request(options)
    for line in data_lines(request.config.data, request.config.imbalance):
        say(console, f"Data: {line}")
    return run_export(request, named_path(out), console)


def _print_export(description: "Description", out: Path) -> None:
    """Print the images of each class, and what the data card says of the synthetic ones."""
    from gan_study.trainables.export.statements import fault_sentences, licence, memorisation_sentences

    table = Table("Class", "Real", "Synthetic", "Validation", header_style="bold")
    for each in description.classes:
        # A name may look like markup.
        name = Text(printable(each.name))
        table.add_row(name, *map(str, (each.num_real, each.num_synthetic, each.num_validation)))
    console.print(table)
    for note in (*description.notes, *fault_sentences(description), licence(description)):
        say(console, f"Note: {note}")
    for sentence in memorisation_sentences(description):
        say(console, f"Memorisation, {sentence}")
    say(console, f"Data card: {out / 'README.md'}")


def sample(
    folder: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="The folder of a generator.")],
    class_name: Annotated[str, typer.Option("--class", metavar="NAME", help="The class to make images of.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the class's folder of images.")],
    num: Annotated[int, typer.Option("--num", min=1, metavar="N", help="Number of images to make.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same images.")] = 0,
) -> None:
    """Make images with a generator that `balance` has written."""
    from gan_study.trainables.export.saved_generator import load_generator, write_samples

    written = write_samples(load_generator(folder), class_name, num, named_path(out), seed=seed)
    say(console, f"{num} images: {written.folder}")
    if written.num_distinct < written.num_compared:
        few = f"{written.num_distinct} distinct images among {written.num_compared}"
        say(console, f"Note: {few}; the others differ from one of these by less than can be seen")
