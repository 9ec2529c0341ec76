"""What this machine computes fastest with: device, number type, threads."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..reporting.files import write_whole


@dataclass(frozen=True)
class Device:
    """Where tensors live and in which type the forward pass runs.

    Attributes:
        kind: "cuda", "mps" or "cpu".
        bf16: Whether matrix products run in bfloat16 under autocast.
    """

    kind: str
    bf16: bool

    def autocast(self) -> AbstractContextManager[Any]:
        """Context for forward passes; parameters stay float32."""
        import torch

        context: AbstractContextManager[Any] = torch.autocast(
            self.kind, torch.bfloat16, enabled=self.bf16
        )
        return context


@functools.cache
def pick_device() -> Device:
    """Choose CUDA, then MPS, then CPU; bf16 only where the hardware has it."""
    import torch

    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.is_bf16_supported())
    if torch.backends.mps.is_available():
        return Device("mps", False)
    return Device("cpu", _cpu_has_bf16())


def _cpu_has_bf16() -> bool:
    import torch

    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    avx = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(avx() or amx())


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def calibrate_threads() -> int:
    """Time a small matrix product with 1 thread and with all; keep the faster.

    On a shared machine two threads can be ten times slower than one, because
    every barrier waits for a core that somebody else has. Costs about 0.1 s.

    Returns:
        The thread count now set in torch.
    """
    import torch

    best, best_time = 1, float("inf")
    left, right = torch.randn(512, 384), torch.randn(384, 1536)
    for threads in sorted({1, *(2**k for k in range(1, 6) if 2**k <= cores()), cores()}):
        torch.set_num_threads(threads)
        torch.mm(left, right)
        laps = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(4):
                torch.mm(left, right)
            laps.append(time.perf_counter() - start)
        # More threads must pay clearly: they slow down everything else that runs.
        median = sorted(laps)[len(laps) // 2]
        if median < 0.8 * best_time:
            best, best_time = threads, median
    torch.set_num_threads(best)
    return best


def pin_threads(folder: Path) -> int:
    """Compute with as many threads as the first job on this machine found fastest.

    The order of float sums follows the number of threads: only jobs with the same
    number give the same figures when they are done again, or go on in another
    process. A user's OMP_NUM_THREADS is obeyed as it is.

    Args:
        folder: Of the workspace's cache; the number is kept in it.
    """
    import torch

    if os.environ.get("OMP_NUM_THREADS"):
        return int(torch.get_num_threads())
    path = folder / f"threads-{_machine_mark()}"
    try:
        threads = int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        threads = calibrate_threads()
        write_whole(path, str(threads))
    torch.set_num_threads(threads)
    return threads


def _machine_mark() -> str:
    """Tells machines apart that may share a workspace."""
    return hashlib.sha256(f"{_cpu_name()}, {cores()} cores".encode()).hexdigest()[:12]


def machine() -> str:
    """Describe the machine in one line, for reports."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return f"{_cpu_name()}, {cores()} cores, {memory:.0f} GiB, {platform.system()}"


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
