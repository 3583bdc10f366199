"""Writes the reference page when the documentation is built: commands, recipes and settings."""

from collections.abc import Iterator

import typer.main
from mkdocs.structure.pages import Page

from gan_study.study.commands import app
from gan_study.study.explain import all_settings, read_reference, table_of_settings

# What GANs have alike is shown for one of them.
SHOWN_GAN = "dcgan"


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """`markdown` with each table in the place of its mark."""
    if page.file.src_uri != "reference.md":
        return markdown
    for name, lines in {"commands": _commands(), "recipes": _recipes(), "settings": _settings()}.items():
        mark = f"<!-- {name} -->"
        assert mark in markdown, f"reference.md has no place for the {name}"
        markdown = markdown.replace(mark, "\n".join(lines))
    return markdown


def _commands() -> Iterator[str]:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        yield f"### gan-study {name}\n"
        yield f"{command.help}\n"
        yield "| Argument or option | Meaning |\n| --- | --- |"
        for each in command.params:
            names = each.opts if each.param_type_name == "option" else (each.metavar or each.name,)
            yield f"| {', '.join(f'`{name}`' for name in names)} | {each.help or ''} |"
        yield ""


def _recipes() -> Iterator[str]:
    yield "| Recipe | What it asks |\n| --- | --- |"
    yield from (f"| `{name}` | {line} |" for name, line in read_reference()["listing"]["Recipes"].items())


def _settings() -> Iterator[str]:
    known = all_settings()
    for section in (each for each in known if "." not in each.key):
        yield f"### {section.key}\n"
        if not section.inner:
            yield table_of_settings([section]) + "\n"
            continue
        yield f"{section.meaning}\n"
        inner = [each for each in known if each.key.startswith(f"{section.key}.")]
        if section.key == "balancers":
            inner = [each for each in inner if not _is_of_another_gan(each.key)]
        yield table_of_settings(inner) + "\n"


def _is_of_another_gan(key: str) -> bool:
    _, name, *inner = key.split(".")
    gans = read_reference()["listing"]["GAN variants (each a balancer)"]
    return bool(inner) and name in gans and name != SHOWN_GAN
