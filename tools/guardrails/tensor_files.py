"""The header of a safetensors file, checked before a library maps it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

MOST_HEADER = 64 << 20  # bytes; the format allows 100 MB, real ones have less than one
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}
_AGAIN = "get the file again"


def safetensors_fault(path: Path) -> str | None:
    """Say what is wrong with the file's header; None: every tensor lies where it says.

    Tensors must fill the data without gap or overlap, each as long as its shape wants.

    Source: the safetensors format, huggingface/safetensors README.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            return f"is too short for safetensors ({size} bytes); {_AGAIN}"
        length = int.from_bytes(start, "little")
        if length > min(MOST_HEADER, size - 8):
            return (
                f"is no safetensors file: its header would be {length:,} bytes long "
                f"(the file has {size:,}); a pickle under this name is never read"
            )
        text = file.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return f"its safetensors header is no JSON; {_AGAIN}"
    if not isinstance(header, dict):
        return f"its safetensors header is no JSON object; {_AGAIN}"
    return _layout_fault(header, size - 8 - length)


def _layout_fault(header: dict[str, Any], length: int) -> str | None:
    spans: list[tuple[int, int, str]] = []
    for name, said in header.items():
        if name == "__metadata__":
            continue
        shown = name[:60]
        try:
            bits = _BITS[said["dtype"]]
            shape, (begin, end) = said["shape"], said["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        except (KeyError, TypeError, ValueError):
            return f"its header does not describe {shown!r}; {_AGAIN}"
        if not whole or (end - begin) * 8 != math.prod(shape) * bits:
            return f"its header says a wrong size for {shown!r}; {_AGAIN}"
        spans.append((begin, end, shown))
    done = 0
    for begin, end, shown in sorted(spans):
        if begin != done:
            return f"its tensor {shown!r} overlaps another or leaves a gap; {_AGAIN}"
        done = end
    return None if done == length else f"its tensors have {done:,} of {length:,} bytes; {_AGAIN}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found
