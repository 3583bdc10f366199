"""Data frames as Markdown and LaTeX tables, whatever characters are in their cells."""

from collections.abc import Sequence

import pandas as pd

from gan_study.trainables.base.markup import csv_cell, markdown_text, visible

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": r"{[}",
        "]": r"{]}",
        "−": "$-$",
        "–": "--",
    }
)


def encoded(text: str) -> bytes:
    """`text` as UTF-8; invalid characters, as in a file's name that is not UTF-8, by their codes."""
    return text.encode(errors="backslashreplace")


def csv_file(frame: pd.DataFrame) -> bytes:
    """A frame as the content of a CSV file without text that a spreadsheet reads as a formula."""
    return encoded(frame.map(csv_cell).rename(columns=csv_cell).to_csv(index=False))


def latex_text(text: str) -> str:
    """`text` with every special character of LaTeX escaped; brackets too, since a row may begin with one."""
    return visible(" ".join(text.split())).translate(_LATEX)


def to_latex(frame: pd.DataFrame, *, title: str) -> str:
    """A booktabs table, scaled to the line if it is wider; numbers to the right, text to the left."""
    return latex_table(
        [latex_text(str(name)) for name in frame.columns],
        [[latex_text(_cell(value)) for value in row] for row in frame.itertuples(index=False)],
        align="".join("r" if pd.api.types.is_numeric_dtype(dtype) else "l" for dtype in frame.dtypes),
        title=title,
    )


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, align: str, title: str) -> str:
    """A booktabs table of cells that are LaTeX already, scaled to the line if it is wider; `title` is text."""
    return "\n".join(
        [
            "% needs \\usepackage{booktabs,adjustbox}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(title)}}}",
            r"\begin{adjustbox}{max width=\linewidth}",
            rf"\begin{{tabular}}{{{align}}}",
            r"\toprule",
            " & ".join(header) + r" \\",
            r"\midrule",
            *(" & ".join(row) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{adjustbox}",
            r"\end{table}",
            "",
        ]
    )


def to_markdown(frame: pd.DataFrame) -> str:
    """A pipe table; markup in a cell is shown literally."""
    rules = ["---:" if pd.api.types.is_numeric_dtype(dtype) else "---" for dtype in frame.dtypes]
    header = [str(name) for name in frame.columns]
    body = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [list(map(markdown_text, header)), rules, *(list(map(markdown_text, row)) for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
