"""Is the process that wrote this still there? Safe against reused process ids."""

from __future__ import annotations

# A process's birth is derived from the boot time, which NTP may shift a little.
_SAME_BIRTH_SECONDS = 2.0


def birth(pid: int) -> float | None:
    """Return when the process started, Unix seconds; None when it is gone or a zombie."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.Error, ValueError):
        return None


def alive(pid: int | None, born: float | None) -> bool:
    """Say whether the process `pid`, which started at `born`, still runs."""
    if pid is None or born is None:
        return False
    now = birth(pid)
    return now is not None and abs(now - born) < _SAME_BIRTH_SECONDS
