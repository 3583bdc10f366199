"""Names and sentences as document text, with any characters."""

import re
import unicodedata

# What would steer a terminal, break a line or turn its direction: controls, lone surrogates, separators of lines
# and paragraphs, and the marks that reorder what follows (Unicode Technical Report 36).
_STEERING_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_NAMED = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_MARKDOWN = re.compile(
    r"""
    (?P<interval>\[[-+−\d.,\s]+\](?![(\[:]))  # no link, and numbers stay legible
    | [\\`*\[\]{}<>&|~$@]
    | (?<![^\W_])_ | _(?![^\W_])            # within a word it is no emphasis
    | :(?=//) | (?<=www)\.                  # what looks like an address becomes a link
    | (?:^|(?<=^[ ]))(?:[-+](?![.\d])|[=#:]|\d(?=\d*[.)](?:[ ]|$)))  # what begins a heading or a list
    """,
    re.VERBOSE | re.IGNORECASE,
)

# What a spreadsheet takes for the start of a formula, also in the width of East Asian letters.
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")


def csv_cell(value: object) -> object:
    """`value`; text that a spreadsheet would run as a formula gets an apostrophe in front.

    A formula in a class's name may start programs. A number is not changed, whatever its sign.
    """
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def from_csv_cell(text: str) -> str:
    """The original text of a `csv_cell`."""
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    if not _FORMULA.match(text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def visible(text: str) -> str:
    r"""`text` in one line, with invisible characters replaced by their codes: \x1b, \udcff."""
    return "".join(repr(char)[1:-1] if _steers(char) else char for char in text)


def _steers(char: str) -> bool:
    return unicodedata.category(char) in _STEERING_CATEGORIES or char in _BIDIRECTIONAL


def markdown_text(text: str) -> str:
    """`text` as Markdown that is shown literally, also in a table's cell and with raw HTML allowed."""
    one_line = visible(re.sub(r"\s+", " ", text))
    return _MARKDOWN.sub(lambda found: found["interval"] or _reference(found[0]), one_line)


def _reference(char: str) -> str:
    """A character as HTML names it, which no flavour of Markdown takes for markup."""
    return _NAMED.get(char, f"&#{ord(char)};")
