"""The URL of Optuna's storage; passwords in it are only referenced, since study.json and the report show it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from gan_study.trainables.base.settings import ConfigError, UserError

_REFERENCE = re.compile(r"\$\{(\w+)\}")
# Stands for a reference while the rest of a URL is looked at: no URL may hold it.
_NAMED = "\0"

# A file's path follows the scheme of SQLite; user, hosts and a database's name follow that of the others.
_FILE = re.compile(r"sqlite(?:\+\w+)?://(?:/(?P<path>[^?]*))?(?:\?(?P<options>.*))?", re.IGNORECASE)
# Without a path, or by one of SQLite's names for it.
_IN_MEMORY = re.compile(
    r"sqlite(?:\+\w+)?:(?://)?(?:/?(?:\?|$)|/:memory:|/file::memory:|.*[?&]mode=memory)", re.IGNORECASE
)
_HOST = r"(?:\[[0-9a-f:.]+\]|[\w.\0-]*)(?::[\d\0]+)?"
_SERVER = re.compile(
    rf"[a-z][\w+.-]*://(?:[\w.%+\0-]*(?::\0)?@)?{_HOST}(?:,{_HOST})*(?:/[\w.%/+\0-]*)?(?:\?(?P<options>.*))?",
    re.IGNORECASE,
)
# What the drivers of SQLite, PostgreSQL, MySQL and Redis take that is no secret.
_HARMLESS = re.compile(
    r"""
    mode | cache | uri | nolock | immutable | vfs | timeout | isolation_level | check_same_thread | host
    | port | user | db | dbname | database | driver | unix_socket | charset | collation | use_unicode |
    autocommit | client_encoding | application_name | target_session_attrs | gssencmode |
    channel_binding | (?:connect|read|write|socket|socket_connect|tcp_user)_timeout |
    keepalives(?:_idle|_interval|_count)? | encrypt | trustservercertificate | sslmode | sslrootcert |
    sslcert | sslkey | sslcrl | ssl(?:_mode|_ca|_cert|_key|_capath|_cipher|_check_hostname|_verify_cert|
    _verify_identity|_cert_reqs|_ca_certs|_certfile|_keyfile)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[\w./,:+-]*")

_BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql", "redis")


def check_storage_url(url: str) -> None:
    """Raise ConfigError if `url` is not valid, or may contain a password; the password is not printed."""
    if _REFERENCE.fullmatch(url):
        return
    masked = _REFERENCE.sub(_NAMED, url)
    parts = None if _NAMED in url else _FILE.fullmatch(masked) or _SERVER.fullmatch(masked)
    if parts is None or any(char in masked for char in "#;") or not masked.replace(_NAMED, "").isprintable():
        raise ConfigError(
            "storage: a URL other than SCHEME://USER@HOST:PORT/DATABASE or sqlite:////PATH may contain "
            "a password, which would be written to study.json; set an environment variable to the URL or to its "
            "password, say DATABASE_PASSWORD, and write ${DATABASE_PASSWORD} in its place"
        )
    if _IN_MEMORY.match(url):
        raise ConfigError("storage: a database in memory ends with its process; name a file, sqlite:////PATH")
    for option in (parts["options"] or "").split("&") if parts["options"] else ():
        key, _, value = option.partition("=")
        is_harmless = _HARMLESS.fullmatch(unquote(key)) and _PLAIN_VALUE.fullmatch(unquote(value))
        if not is_harmless and value != _NAMED:
            raise ConfigError(
                "storage: an option in it may hold a password, which would be written to study.json; set an "
                "environment variable to its value, say DATABASE_OPTION, and write ${DATABASE_OPTION} in its place"
            )


def resolve(url: str, environment: Mapping[str, str]) -> str:
    """`url` with its variables replaced, quoted unless the whole URL is one variable.

    Raises UserError if one is not set, or if it is the URL of a SQLite file with a relative path: each command
    would look in its current folder.
    """

    def value(reference: re.Match[str]) -> str:
        if reference[1] not in environment:
            raise UserError(f"storage: the environment variable {reference[1]} is not set")
        found = environment[reference[1]]
        return found if reference[0] == url else quote(found, safe="")

    resolved = _REFERENCE.sub(value, url)
    if _REFERENCE.fullmatch(url) and with_absolute_file(resolved) != resolved:
        raise UserError(f"storage: {url} names a file by a relative path; write an absolute one")
    return resolved


# What stands for a byte of a path that is no UTF-8 (PEP 383).
_NOT_UTF8 = range(0xDC80, 0xDD00)


def sqlite_url(path: Path, *, is_read_only: bool = False) -> str:
    """The URL of a SQLite file, with any characters in its path."""
    from sqlalchemy.engine import URL  # late: half of the commands open no database

    place = path.resolve()
    if is_read_only or any(ord(char) in _NOT_UTF8 for char in str(place)):
        query = {"uri": "true", **({"mode": "ro"} if is_read_only else {})}
        url = URL.create("sqlite", database=f"file:{quote(os.fsencode(place))}", query=query)
    else:
        url = URL.create("sqlite", database=str(place))
    return url.render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file that `url` names; None if it is another kind of database, or names its file in SQLite's own
    syntax.
    """
    from sqlalchemy.engine import make_url

    if not url.startswith("sqlite:///"):
        return None
    found = make_url(url)
    if not found.database or found.query or found.database.startswith((":", "file:")):
        return None
    return Path(found.database)


def with_absolute_file(url: str) -> str:
    """`url` with the absolute path of its SQLite file; any other URL unchanged."""
    relative = re.fullmatch(r"(sqlite(?:\+\w+)?:///(file:)?)(?![/:]|file:)([^?]+.*)", url, re.DOTALL)
    if relative is None or relative[3].startswith("${"):
        return url
    # SQLite unquotes a path that follows `file:` once more.
    folder = quote(quote(str(Path.cwd()))) if relative[2] else quote(str(Path.cwd()))
    return f"{relative[1]}{folder}/{relative[3]}"


def kind_of(url: str) -> str:
    """The kind of database of `url`, for messages: other parts of it may be secret."""
    return next((name for name in _BACKENDS if url.lower().startswith(name)), "of an unknown kind")
