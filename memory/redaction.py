"""Secrets, such as keys and tokens: found by detect-secrets' plugins, taken out of what is written.

The plugins whose secrets have a form are used, and the one for quoted values behind words such as
"password". The two that look for high entropy are not, since identifiers and hashes are random too;
nor is artifactory's, which takes words in capitals. A plugin's own reading of a line gives parts
of a match, and may ask the network whether it is right; here its patterns alone are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

SECRET = "[SECRET]"  # what stands in the place of one
# Plugins, and what a text must hold, in small letters, for patterns to be tried that are
# slow on long texts; () for the others.
_PLUGINS: dict[str, tuple[str, ...]] = {
    "aws": (),
    "azure_storage_key": (),
    "basic_auth": (),
    "cloudant": ("cloudant",),
    "discord": (),
    "github_token": (),
    "gitlab_token": (),
    "ibm_cloud_iam": ("ibm", "iam", "cloud"),
    "ibm_cos_hmac": ("secret",),
    "jwt": (),
    "mailchimp": ("-us",),
    "npm": (),
    "openai": ("sk-",),
    "pypi_token": (),
    "sendgrid": (),
    "slack": (),
    "softlayer": ("softlayer",),
    "square_oauth": (),
    "stripe": (),
    "telegram_token": (":aa",),
    "twilio": (),
}
# Newer than the plugins, behind what they begin with.
_NEWER = {
    "sk-": r"\bsk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[A-Za-z0-9_-]{20,}",
    "github_pat_": r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    "hf_": r"\bhf_[A-Za-z0-9]{30,}",
    "aiza": r"\bAIza[A-Za-z0-9_-]{35}",
}
# Before a quoted value; as detect-secrets' keyword plugin has them.
_WORDS = (
    *(f"{name}{join}key" for name in ("api", "auth", "service", "account", "db", "database", "priv",
      "private", "client") for join in ("_", "")),
    *("password", "passwd", "_pass", "dbpass", "databasepass", "keypass", "pwd", "secret"),
    "contrase",
)  # fmt: skip
_BLOCK = r"PRIVATE KEY(?: BLOCK)?-----"
# The whole block; one that is cut off goes as far as its lines do. Line breaks may be escaped. No
# quote is part of one: in JSON and RDF it ends the string.
_PRIVATE_KEY = re.compile(
    rf"-----BEGIN [A-Z0-9 ]*{_BLOCK}"
    rf"(?:[^\"]{{0,20000}}?-----END [A-Z0-9 ]*{_BLOCK}|(?:(?:\s|\\+[rn])*[A-Za-z0-9+/=]{{16,}})*)",
    re.DOTALL,
)
# Most text holds no long run of such characters, no address with a user and none of these words.
_RUN = re.compile(r"[A-Za-z0-9_+/=-]{16}|-----BEGIN")
_ADDRESS = re.compile(r"://[^\s/@]*@")
_IRI = re.compile(r"<[^<>\s]*>")
_KEY_LINES = 200  # of a private key at most
_MORE = re.compile(r"[A-Za-z0-9_+/=.-]*")  # the rest of a token that a pattern leaves
_END = re.compile(r"""["'`<>\\\s]""")  # no secret but a private key holds these


def find_secrets(text: str) -> list[tuple[int, int]]:
    """Find keys, tokens and passwords.

    Returns:
        (start, end) of each, in order, without overlap.
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(_spans(text)):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def redact(text: str) -> str:
    """Put SECRET in the place of every secret; a text without is the same object."""
    for start, end in reversed(find_secrets(text)):
        text = text[:start] + SECRET + text[end:]
    return text


def redacted(value: Any) -> Any:
    """Redact every string of a value: of lists, mappings and their keys, and objects with fields.

    What holds no secret is the same object.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple):
        return _sequence(value)
    if isinstance(value, Mapping):
        items = [(redacted(k), redacted(v)) for k, v in value.items()]
        same = all(a is b and c is d for (a, c), (b, d) in zip(items, value.items(), strict=True))
        return value if same else dict(items)
    held = _held(value)
    new = {name: redacted(old) for name, old in held.items()}
    changed = {name: new[name] for name in held if new[name] is not held[name]}
    if not changed:
        return value
    if hasattr(type(value), "model_fields"):
        return value.model_copy(update=changed)
    other = copy(value)
    for name, put in changed.items():
        object.__setattr__(other, name, put)
    return other


def _held(value: Any) -> dict[str, Any]:
    """What an object holds: fields of a pydantic model or a dataclass, or slots."""
    if isinstance(value, type):
        return {}
    if hasattr(type(value), "model_fields"):
        names = list(type(value).model_fields)
    elif is_dataclass(value):
        names = [f.name for f in fields(value)]
    else:  # LangGraph's own, such as what a node is sent
        names = [n for kind in type(value).__mro__ for n in kind.__dict__.get("__slots__", ())]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def redact_rdf(text: str) -> str:
    """Redact N-Triples or a SPARQL update; what is replaced within an IRI leaves one."""
    new = redact(text)
    return text if new is text else _IRI.sub(lambda iri: iri.group().replace(SECRET, "SECRET"), new)


class Lines:
    """Redacts line after line of a stream; of a private key, all lines are left out."""

    def __init__(self) -> None:
        self._inside = 0

    def __call__(self, line: str) -> str:
        """Give the line as it may be written; "" within a private key."""
        if self._inside:
            ends = "-----END" in line or self._inside > _KEY_LINES
            self._inside = 0 if ends else self._inside + 1
            return ""
        new = redact(line)
        if "-----BEGIN" in line and "PRIVATE KEY" in line and "-----END" not in line:
            self._inside = 1
        return new


def _sequence(value: Any) -> Any:
    new = [redacted(v) for v in value]
    if all(a is b for a, b in zip(new, value, strict=True)):
        return value
    if hasattr(value, "_fields"):  # a named tuple
        return type(value)(*new)
    return type(value)(new)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    small = text.lower()
    kinds = {"token": _RUN.search(text), "address": _ADDRESS.search(text)}
    wanted = [kind for kind, found in kinds.items() if found]
    wanted += ["quoted"] if any(word in small for word in _WORDS) else []
    if "token" in wanted and "-----BEGIN" in text:
        yield from (block.span() for block in _PRIVATE_KEY.finditer(text))
    plain = text.replace('\\"', ' "')  # quotes that JSON and SPARQL escape, at the same places
    for pattern, group, marks in (one for kind in wanted for one in _patterns()[kind]):
        if marks and not any(mark in small for mark in marks):
            continue
        for match in pattern.finditer(plain):
            start, end = match.span(group)
            if group == 0:  # a token, which may go on
                more = _MORE.match(text, end)
                end = more.end() if more else end
            stop = _END.search(text, max(start, 0), end)
            end = stop.start() if stop else end
            if end > start >= 0 and SECRET not in text[start : end + 1]:
                yield start, end


_Pattern = tuple[re.Pattern[str], int, tuple[str, ...]]


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[_Pattern]]:
    """Patterns by what they look for, which group of each is the secret (0: all of it), and marks.

    Importing the plugins takes half a second: it waits for the first text that may hold one.
    """
    from importlib import import_module
    from inspect import isclass

    from detect_secrets.plugins.base import RegexBasedDetector
    from detect_secrets.plugins.keyword import QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP

    found: dict[str, list[_Pattern]] = {
        "token": [(re.compile(p), 0, (mark,)) for mark, p in _NEWER.items()],
        "address": [],
        "quoted": [(p, group, ()) for p, group in QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP.items()],
    }
    for name, marks in _PLUGINS.items():
        module = import_module(f"detect_secrets.plugins.{name}")
        for kind in vars(module).values():
            own = isclass(kind) and kind.__module__ == module.__name__
            if own and issubclass(kind, RegexBasedDetector):
                place = "address" if name == "basic_auth" else "token"
                # A password or a quoted key is the first group; github's names a kind of token.
                found[place] += [(p, _group(name, p), marks) for p in kind.denylist]
    return found


def _group(plugin: str, pattern: re.Pattern[str]) -> int:
    """Which group of a plugin's pattern is the secret."""
    return 0 if plugin in {"github_token", "gitlab_token"} else min(pattern.groups, 1)
