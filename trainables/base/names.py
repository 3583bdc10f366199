"""Names of files and classes, which come in any bytes and in several Unicode forms, as text that can be shown."""

import unicodedata

# Control characters, halves of pairs (which also stand for bytes that are no UTF-8, PEP 383), line separators.
_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def shown(name: str) -> str:
    """`name` with escapes in place of characters that no file, terminal or table could take."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in _NOT_SHOWN else char for char in name)


def one_form(name: str) -> str:
    """`name` as it is shown, in Unicode's composed form (NFC): macOS decomposes names, and its "ü" is not ours."""
    return unicodedata.normalize("NFC", shown(name))
