"""Signals answered in one's own way for a while."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_signals(
    numbers: tuple[signal.Signals, ...], answer: Callable[..., Any] | signal.Handlers
) -> Iterator[None]:
    """Answer signals so inside; in other threads than the main one, change nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, answer) for number in numbers}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)
