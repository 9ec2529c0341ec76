"""The licence that data comes with, as its folder says; text from outside, so only a name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

MOST_BYTES = 200_000
CARDS = ("README.md", "CARD.md", "DATASET_CARD.md", "dataset_card.md")
TEXTS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING")
_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,39}")
_LINE = re.compile(r"(?im)^\W*licen[sc]e\W*[:=|]\s*\W*(.{2,80})$")
_CC = re.compile(
    r"(?i)\b(?:cc|creative commons)\b[- ]*(?:attribution)?[- ]*"
    r"((?:by|zero|0|nc|sa|nd|non-?commercial|share-?alike|no-?deriv(?:ative)?s?)(?:[- ]+"
    r"(?:nc|sa|nd|non-?commercial|share-?alike|no-?deriv(?:ative)?s?))*)?[- ]*(\d\.\d)?"
)
_WORDS = {"non": "nc", "share": "sa", "no-": "nd", "noder": "nd"}


def licence_of(data: Path) -> str:
    """Read the licence of a data file or folder: its card's `license:`, else its LICENSE.

    Returns:
        An SPDX identifier in lower case where it can be told, or a short name; "" where
        nothing says.
    """
    folder = data if data.is_dir() else data.parent
    for name in CARDS:
        said = _of_card(_text(folder / name))
        if said:
            return said
    said = _of_info(_text(folder / "dataset_info.json")) if data.is_dir() else ""
    if said:
        return said
    for name in TEXTS if data.is_dir() else ():
        found = _CC.search(_text(folder / name)[:2000])
        if found:
            return plain_licence(found.group(0))
    return ""


def plain_licence(said: str) -> str:
    """Write a licence's name as SPDX does, in lower case: "CC BY-NC 4.0" as "cc-by-nc-4.0"."""
    text = " ".join(said.lower().split())
    found = _CC.match(text)
    if found and found.group(1):
        parts = re.split(r"[- ]+", re.sub(r"non-?commercial", "nc", found.group(1)))
        short = [_short(p) for p in parts]
        kind = "-".join(dict.fromkeys(["by", *short] if short[0] in ("nc", "nd") else short))
        return f"cc-{kind}-{found.group(2) or '4.0'}"
    name = re.sub(r"[^a-z0-9.+-]+", "-", text).strip("-.")[:40]
    return name if _NAME.fullmatch(name) else ""


def _short(part: str) -> str:
    for start, short in (("share", "sa"), ("no", "nd"), ("zero", "0")):
        if part.startswith(start):
            return short
    return part


def _of_card(text: str) -> str:
    """Of a card's front matter, or a line "License: …"."""
    if text.startswith("---"):
        front, _, text = text[3:].partition("\n---")
        try:
            head = yaml.safe_load(front)
        except yaml.YAMLError:
            head = None
        if isinstance(head, dict):
            said = head.get("license") or head.get("licence")
            said = said[0] if isinstance(said, list) and said else said
            if isinstance(said, str):
                return plain_licence(said)
    found = _LINE.search(text)
    return plain_licence(found.group(1)) if found else ""


def _of_info(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    found = said.get("license") if isinstance(said, dict) else None
    return plain_licence(found) if isinstance(found, str) else ""


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(MOST_BYTES)
    except OSError:
        return ""
