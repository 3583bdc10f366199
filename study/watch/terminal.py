"""Text for the person at the terminal."""

from rich.console import Console


def say(console: Console, text: object) -> None:
    """Print `text` as it is: no markup, no colours, no line breaks of rich's own."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """`text` with escapes in place of what would steer a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: 45 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
