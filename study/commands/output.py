"""How the commands print."""

import sys
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.table import Table

from gan_study.study.watch.terminal import printable

if TYPE_CHECKING:
    import pandas as pd

console = Console()


class CommandEnd(SystemExit):
    """The end of a command with an exit code that the command itself has chosen."""


def fail(message: str, code: int) -> NoReturn:
    """Print `message` as one line on stderr, and end the process with exit code `code`.

    It may repeat what nobody has checked: arguments, paths, names in files.
    """
    print(f"gan-study: {printable(message)}", file=sys.stderr)
    raise CommandEnd(code)


def table_of(frame: "pd.DataFrame") -> Table:
    """The frame as a table whose cells are never cut; sixty columns are enough."""
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in frame.columns:
        # A cell that is too wide breaks between words, and a name does not break.
        words = (word for text in (column, *frame[column]) for word in str(text).split())
        table.add_column(str(column), no_wrap=column == "Balancer", min_width=max(map(len, words)))
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:g}" if isinstance(value, float) else str(value) for value in row))
    return table
