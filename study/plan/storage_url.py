"""The URL of Optuna's storage, in whose text a password is only named: study.json and the report show it."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from gan_study.trainables.base.settings import UserError

_REFERENCE = re.compile(r"\$\{(\w+)\}")

# What SQLAlchemy takes for a password: all between the user's colon and the @, be it quoted or not.
_OF_USER = re.compile(r"^[\w+.-]+://[^:/@]*:([^@]*)@")
_OF_OPTION = re.compile(r"[?&][^=&]*(?:password|passwd|pwd|secret|token)[^=&]*=([^&]*)", re.IGNORECASE)


def holds_password(url: str) -> bool:
    """Whether a password is written out in `url`, where ${NAME} could stand for it."""
    passwords = (match for pattern in (_OF_USER, _OF_OPTION) for match in pattern.findall(url))
    return any(password and not _REFERENCE.fullmatch(password) for password in passwords)


def resolve(url: str, environment: Mapping[str, str]) -> str:
    """`url` with the values of the variables that it names, quoted unless it is one of them as a whole.

    Raises UserError where one is not set.
    """

    def value(reference: re.Match[str]) -> str:
        if reference[1] not in environment:
            raise UserError(f"storage: the environment variable {reference[1]} is not set")
        found = environment[reference[1]]
        return found if reference[0] == url else quote(found, safe="")

    return _REFERENCE.sub(value, url)


def without_secrets(url: str) -> str:
    """`url` for messages: without user, password and options."""
    return re.sub(r"//.*@", "//", url).partition("?")[0]
