"""The program in what a model wrote: out of its fences, without the talk around them."""

from __future__ import annotations

import ast
import re
import warnings

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.M | re.S)
_START = re.compile(r"^(?:(?:def|class|import|from|async def)\b|@)", re.M)


def extract_program(text: str) -> str:
    """Take the program out of an answer.

    The fenced blocks that say Python, or say nothing, count, joined in their order; without
    a fence the text from its first definition or import on, shortened from its end until it
    parses where a few lines of talk follow.
    """
    text = text.replace("\r\n", "\n")
    blocks = _FENCE.findall(text)
    python = [body for kind, body in blocks if kind.lower() in ("", "python", "py", "python3")]
    if python:
        return "\n".join(body.strip("\n") for body in python) + "\n"
    if not syntax_error(text):
        return text.strip("\n") + "\n"
    start = _START.search(text)
    return _shortened(text[start.start() :] if start else text)


def _shortened(text: str) -> str:
    """Drop lines from the end until it parses; as it is where that never comes."""
    lines = text.rstrip().split("\n")
    for end in range(len(lines), max(0, len(lines) - 40), -1):
        candidate = "\n".join(lines[:end]).rstrip()
        if candidate and not syntax_error(candidate):
            return candidate + "\n"
    return text.strip("\n") + "\n"


def syntax_error(source: str) -> str:
    """What keeps a text from being a Python program, in a few words; "" where nothing does.

    Odd escapes and the like, of which Python only warns, are let be.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        what = getattr(error, "msg", None) or type(error).__name__
        return f"{what} (line {line})" if line and line > 1 else str(what)
    return ""
