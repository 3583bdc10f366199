"""Names of files and classes, which come in any bytes and in several Unicode forms, as text that can be shown."""

import re
import unicodedata

# Control characters, halves of pairs (which also stand for bytes that are no UTF-8, PEP 383), line separators.
_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What separates folders somewhere or cannot be in a file's name everywhere, the escape itself, and a first dot:
# hidden folders are passed over, and ".." leads out. Surrogates stand for a byte of a name that is no UTF-8.
_UNSAFE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f\ud800-\udfff]|^\.|[. ]$')


def shown(name: str) -> str:
    """`name` with escapes in place of characters that no file, terminal or table could take."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in _NOT_SHOWN else char for char in name)


def one_form(name: str) -> str:
    """`name` as it is shown, in Unicode's composed form (NFC): macOS decomposes names, and its "ü" is not ours."""
    return unicodedata.normalize("NFC", shown(name))


def folder_name(name: str) -> str:
    """A name for the folder of a class or study, on every system, below the one it is made in; no two share one.

    Characters that cannot stay become % and their code, "T-shirt/top" for instance "T-shirt%2Ftop".
    """
    return _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}", name) or "%"
