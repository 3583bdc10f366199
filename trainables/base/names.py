"""Names of files and classes, which may have any bytes and several Unicode forms, as text that can be shown."""

import re
import unicodedata

# Control characters, halves of pairs (which also stand for bytes that are no UTF-8, PEP 383), line separators.
_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What separates folders somewhere or cannot be in a file's name everywhere, the escape itself, and a first dot:
# hidden folders are skipped, and ".." leads out. Surrogates stand for a byte of a name that is no UTF-8.
_UNSAFE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f\ud800-\udfff]|^\.|[. ]$')


def shown(name: str) -> str:
    """`name` with escapes for characters that a file, terminal or table cannot contain."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in _NOT_SHOWN else char for char in name)


def one_form(name: str) -> str:
    """`name` for display, in Unicode's composed form (NFC): macOS decomposes names, so its "ü" has two
    characters.
    """
    return unicodedata.normalize("NFC", shown(name))


def folder_name(name: str) -> str:
    """A name for the folder of a class or study that is valid on every system; no two names share one.

    Invalid characters become % and their code, for example "T-shirt/top" becomes "T-shirt%2Ftop".
    """
    return _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}", name) or "%"
