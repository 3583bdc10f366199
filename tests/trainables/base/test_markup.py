"""Names that hold markup, rendered by two flavours of Markdown with raw HTML on, and read in a browser."""

import html
import re

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gan_study.trainables.base.markup import csv_cell, from_csv_cell, markdown_text, visible

PIECES = [
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</td></table>",
        "&lt;b&gt;",
        "&#60;i&#62;",
        "<!--",
        "]]>",
    ),
    *(
        "](javascript:alert(1))",
        "[a](b)",
        "[a]: b",
        "![x](y)",
        "`",
        "```",
        "**",
        "__",
        "_",
        "*",
        "~~",
        "~~~",
        "|",
        "\\",
        "\\|",
    ),
    *(
        "# ",
        "- ",
        "1. ",
        "1) ",
        "> ",
        "===",
        "---",
        "\n",
        "\n\n",
        "\r",
        "    ",
        "\t",
        "{: onclick=alert(1)}",
        "$x$",
        "@me",
    ),
    *(
        "https://evil.example",
        "www.evil.example",
        "<https://evil.example>",
        "a",
        "0.5",
        "[0.1, 0.2]",
        "é",
        "\u202e",
        "\x1b[31m",
        "\udcff",
    ),
]
names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
TABLE = "| a | b |\n| --- | --- |\n| {} | end |\n"


def renderings(text: str) -> list[str]:
    """A document as HTML, by GitHub's rules and by the older ones, both with raw HTML."""
    return [
        MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text),
        markdown.markdown(text, extensions=["extra", "sane_lists"]),
        markdown.markdown(text, extensions=["tables"]),
    ]


def seen(rendered: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", rendered)).split())


@given(name=names)
def test_a_name_is_shown_and_nothing_else(name: str) -> None:
    """In a sentence, at the beginning of a line, in a list and in a table."""
    shown = " ".join(visible(re.sub(r"\s+", " ", name)).split())
    for before, after, tags in (
        ("The class ", " (12 images).", "p"),
        ("", "", "p"),
        ("- ", "", "ul|li|p"),
    ):
        for rendered in renderings(f"{before}{markdown_text(name)}{after}\n"):
            assert re.sub(rf"</?(?:{tags})>", "", rendered).count("<") == 0, rendered
            assert shown.replace(" ", "") in seen(rendered).replace(" ", ""), rendered
    for rendered in renderings(TABLE.format(markdown_text(name))):
        assert rendered.count("<td") == 2
        assert re.sub(r"</?(?:table|thead|tbody|tr|th|td)>", "", rendered).count("<") == 0, rendered
        assert shown.replace(" ", "") in seen(rendered).replace(" ", ""), rendered


@pytest.mark.parametrize(
    "text",
    [
        "dcgan gains +0.072 [0.054, 0.074], 3 seeds",
        "random_oversampling at ratio 10: no gain (undecided)",
        # As a cell of a table is: a number begins no list, whatever its sign.
        "+0.170",
        "-0.5",
    ],
)
def test_plain_sentences_stay_legible(text: str) -> None:
    assert markdown_text(text) == text


@pytest.mark.parametrize("text", ["+ a", "-", "- a", "---", "+", "-: a"])
def test_what_begins_a_list_or_a_rule_is_escaped(text: str) -> None:
    assert markdown_text(text)[0] == "&"


def test_what_is_not_to_be_seen_is_shown_by_its_code() -> None:
    assert visible("a\x1b[31m\udcff\u202eb\nc") == r"a\x1b[31m\udcff\u202eb\nc"
    assert visible("Müll 猫 👩‍🔬") == "Müll 猫 👩‍🔬"


@given(st.text("=+-@\t\r＝'1a,\"", max_size=6) | st.text(max_size=6))
def test_no_spreadsheet_finds_a_formula_and_names_come_back(name):
    cell = csv_cell(name)
    assert isinstance(cell, str)
    assert cell[:1] not in {*"=+-@\t\r＝"} or float(cell) is not None
    assert from_csv_cell(cell) == name


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('=HYPERLINK("http:x")', '\'=HYPERLINK("http:x")'),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3.png", "'-2+3.png"),
        ("-1", "-1"),
        ("+1e3", "+1e3"),
        ("'=1", "''=1"),
        ("cat", "cat"),
        ("'t Hooft", "'t Hooft"),
        (-0.5, -0.5),
        (None, None),
    ],
)
def test_numbers_and_plain_names_are_left(value, cell):
    assert csv_cell(value) == cell
