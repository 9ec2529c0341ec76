"""What a string in a tool call may not be: a way out of the workspace, a URL, a terminal trick.

Pure rules; `SafeArgument` (validators.py) puts them behind a Guard, `check_arguments` (checks.py)
applies that to a whole call. A controller is an LLM that reads untrusted rows, so a call's
arguments are as untrusted as the rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

LONGEST = 2000  # characters of one argument
_URL = re.compile(
    r"[a-z][a-z0-9+.\-]*://|\bwww\.|(?<!\w)(?:file|javascript|mailto):|^\s*data:[\w/+.\-]*[;,]",
    re.IGNORECASE,
)
_WEB = re.compile(r"(?<!\w)(?:https?://|www\.)\S*", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_VARIABLE = re.compile(r"\$\{?\w+\}?|\$\(|%\w+%[\\/]|`")
_SCHEME = re.compile(r"[A-Za-z][\w+.\-]+:(?=.)")  # "local:" of local:PATH
_DEVICE = re.compile(r"(?i)(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.\w+)?")
# Slashes and dots that compatibility folding leaves as they are.
_LOOKALIKES = str.maketrans("∕⁄⧸⟋╱＼⧵∖․‥…", "////" + "/" + "\\\\\\" + "...")
_JOINERS = "\u200c\u200d"  # invisible, but spelling needs them in several scripts
_SEPARATORS = re.compile(r"[\s=,;'\"<>|]+")


def argument_faults(
    value: str,
    roots: Sequence[Path] = (),
    *,
    allow_urls: bool = False,
    prose: bool = False,
    limit: int = LONGEST,
) -> list[str]:
    """List what is wrong with one string argument; empty when nothing is.

    Args:
        value: The argument as the controller wrote it.
        roots: Folders that paths may lead into. An absolute path must lie in one of them; a
            relative one must stay inside whichever of them it is joined to, links followed.
        allow_urls: Let http and https addresses pass; the tool is meant to get them.
        prose: The argument is text or a query, never opened as a path: line breaks, slashes and
            addresses in it mean nothing.
        limit: Characters allowed.

    Returns:
        Faults in words, none of which repeats the value.
    """
    if len(value) > limit:
        return [f"is {len(value)} characters long; at most {limit} are allowed"]
    faults = _invisible(value, line_breaks=prose)
    if prose:
        return faults
    spellings = _spellings(value)
    if "\ufffd" in "".join(spellings - {value}):
        faults.append("holds percent signs that stand for no text; write it out")
    if allow_urls:
        spellings = {_WEB.sub(" ", spelling) for spelling in spellings}
    if any(_URL.search(spelling) for spelling in spellings):
        faults.append("holds an address (URL); only local files and names are allowed")
    if any(_leaves(part, roots) for spelling in spellings for part in _paths_in(spelling)):
        allowed = ", ".join(map(str, roots)) or "none are given"
        faults.append(f"leads out of the allowed folders ({allowed}); give a path inside")
    if any(_VARIABLE.search(spelling) for spelling in spellings):
        faults.append("holds a shell variable or command ($, %NAME% or `); write it out")
    if any(_DEVICE.fullmatch(part) for s in spellings for part in re.split(r"[\\/]", s.strip())):
        faults.append("names a device of the system; give a file or a name")
    return faults


def _invisible(value: str, *, line_breaks: bool) -> list[str]:
    """Name control and invisible characters, which show a person something else."""
    allowed = _JOINERS + ("\n\t" if line_breaks else "")
    found = {
        f"U+{ord(character):04X}"
        for character in value
        if character not in allowed
        and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    if not found:
        return []
    listed = ", ".join(sorted(found)[:5])
    return [f"holds control or invisible characters ({listed}); remove them"]


def _spellings(value: str) -> set[str]:
    """Return the value as written and with percent signs and look-alikes undone, twice over."""
    spellings = {value}
    for _ in range(2):
        spellings |= {unicodedata.normalize("NFKC", unquote(spelling)) for spelling in spellings}
        spellings |= {spelling.translate(_LOOKALIKES) for spelling in spellings}
    return spellings


def _paths_in(spelling: str) -> Iterator[str]:
    """Yield the whole, what follows a prefix like `local:`, and parts that are absolute paths."""
    whole = spelling.strip()
    yield whole
    scheme = None if _DRIVE.match(whole) else _SCHEME.match(whole)
    if scheme:
        yield whole[scheme.end() :].strip()
    for part in _SEPARATORS.split(whole):
        bare = part.lstrip("([{")
        if len(bare) > 1 and (bare[0] in "/\\~" or _DRIVE.match(bare) or ".." in bare):
            yield bare


def _leaves(path: str, roots: Sequence[Path]) -> bool:
    """Tell whether a string, opened as a path, could lead out of the roots."""
    if path.startswith(("~", "\\", "//")):
        return True
    plain = path.replace("\\", "/")
    absolute = plain.startswith("/") or Path(path).is_absolute()
    if _DRIVE.match(path) and not absolute:
        return True
    homes = [root.resolve() for root in roots]
    if not homes:
        return absolute or ".." in PurePosixPath(plain).parts
    try:
        if absolute:
            landed = Path(plain).resolve()
            return not any(landed.is_relative_to(home) for home in homes)
        return any(not (home / plain).resolve().is_relative_to(home) for home in homes)
    except (OSError, RuntimeError, ValueError):
        return True  # a name that the file system refuses, or links in a circle
