"""`tuneos mask`: personal data out of a file or folder, with an audit that holds no values."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..tools.datasets.formats import reader_of
from ..tools.datasets.locate import refuse_links_out
from ..tools.datasets.masked_files import mask_file
from ..tools.errors import UserError
from ..tools.guardrails.masked_rows import Masker
from ..tools.guardrails.masker import kept_secret, row_guard
from ..tools.guardrails.masking import MODES
from ..tools.guardrails.pseudonyms import SECRET_BYTES
from .output import whole_file


class MaskError(UserError):
    """What was asked of `tuneos mask` cannot be done."""


@dataclass(frozen=True)
class Asked:
    """What a person asks of `tuneos mask`.

    Attributes:
        source: A file, or a folder of files.
        output: A file, or a folder where the source is one; None with report.
        mode: One of MODES.
        audit: Where each masked piece is listed.
        column: Mask this one alone.
        model: A token-classification model that finds names and the like.
        key: File of the secret that stand-ins are drawn under; made where absent. None: a
            secret that nobody keeps.
    """

    source: Path
    output: Path | None
    mode: str
    audit: Path | None
    column: str | None
    model: Path | None
    key: Path | None


def mask(asked: Asked, note: Callable[[str], None]) -> dict[str, Any]:
    """Mask and write; everything written is whole or not there.

    Returns:
        counts of each kind, rows, rows with personal data, spans widened or astray, seconds.

    Raises:
        MaskError: Modes or paths do not fit.
        UserError: A file cannot be read or written.
    """
    _check(asked)
    files = _files(asked, note)
    masker = _masker(asked)
    masker.find("+1 212 555 0100")  # imports libraries, which is no part of the time told
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    rows = touched = 0
    drop = asked.mode == "drop"
    with ExitStack() as stack:
        audit = stack.enter_context(whole_file(asked.audit)) if asked.audit else None
        for source, output in files:
            if len(files) > 1:
                note(f"masking {source.name}")
            done = mask_file(source, masker, column=asked.column, drop=drop)
            counts.update(done.counts)
            rows, touched = rows + done.rows, touched + done.touched
            if output is not None:
                stack.enter_context(whole_file(output)).write(done.text)
            for line in done.audit if audit else ():
                own = {"file": source.name} if len(files) > 1 else {}
                print(json.dumps({**own, **line}, ensure_ascii=False), file=audit)
    return {
        "counts": dict(counts.most_common()),
        "rows": rows,
        "touched": touched,
        "widened": masker.widened,
        "astray": masker.astray,
        "seconds": round(time.perf_counter() - began, 4),
    }


def said(result: dict[str, Any], mode: str) -> list[str]:
    """Say in lines what was found and done."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in result["counts"].items())
    done = {"drop": "left out", "report": "found, nothing is written"}.get(mode, "masked")
    lines = [f"{result['touched']:,} of {result['rows']:,} rows hold personal data: {done}"]
    if kinds:
        lines.append(kinds)
    if result["widened"]:
        lines.append(f"{result['widened']:,} spans cut a masked piece; they cover all of it now")
    if result["astray"]:
        lines.append(
            f"{result['astray']:,} spans do not fit their text and were not moved; tuneos check "
            "names them"
        )
    return lines


def _check(asked: Asked) -> None:
    if asked.mode not in MODES:
        raise MaskError(f"--mode {asked.mode}: is none of {', '.join(MODES)}")
    if not asked.source.exists():
        raise MaskError(f"{asked.source}: there is no such file or folder")
    if asked.mode == "report":
        if asked.output is not None:
            raise MaskError("--mode report writes no data; leave --output out, or choose a mode")
    elif asked.output is None:
        raise MaskError("give --output, a file, or a folder where the input is one")
    if asked.key is not None and asked.mode != "pseudonymise":
        raise MaskError("--key is for --mode pseudonymise; leave it out")
    used = [p.resolve() for p in (asked.source, asked.output, asked.audit, asked.key) if p]
    if len(set(used)) < len(used):
        raise MaskError("input, --output, --audit and --key must be different files")


def _files(asked: Asked, note: Callable[[str], None]) -> list[tuple[Path, Path | None]]:
    """Pair every file that can be read with where it goes."""
    if asked.source.is_file():
        if asked.output is not None and asked.output.is_dir():
            return [(asked.source, asked.output / asked.source.name)]
        return [(asked.source, asked.output)]
    refuse_links_out(asked.source)
    entries = sorted(p for p in asked.source.iterdir() if not p.name.startswith("."))
    files = [p for p in entries if p.is_file() and not p.is_symlink() and reader_of(p)]
    if left := [p.name for p in entries if p not in files]:
        note(f"left out, and not in the output: {', '.join(left)}")
    if not files:
        raise MaskError(f"{asked.source}: holds no file that can be read; give CSV, JSONL, …")
    if asked.output is None:
        return [(path, None) for path in files]
    if asked.output.is_file():
        raise MaskError(f"--output {asked.output}: must be a folder, as the input is one")
    asked.output.mkdir(parents=True, exist_ok=True)
    return [(path, asked.output / path.name) for path in files]


def _masker(asked: Asked) -> Masker:
    return row_guard(asked.mode, asked.model, lambda: _secret(asked.key)).masker


def _secret(path: Path | None) -> bytes:
    """Read the secret, or make one that only its owner may read."""
    if path is None:
        return secrets.token_bytes(SECRET_BYTES)
    try:
        return kept_secret(path)
    except (OSError, ValueError) as error:
        raise MaskError(
            f"--key {path}: cannot be read as a key of tuneos mask: {error}; name a new file"
        ) from None
