"""What goes wrong with the things that outlive a turn."""

import errno

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # not every system has quotas


class StoreError(Exception):
    """A store cannot be opened, read or written, or refuses what was asked.

    The message is for people: what happened, which file, and how to mend it. It
    is shown as it is, without a traceback.
    """


class DataDamaged(StoreError):
    """The rows of a run are damaged: without them it cannot go on."""


class DiskFull(StoreError):
    """Nothing more can be written: the run stops here and can be resumed."""


class FileRefused(StoreError):
    """A file that is not taken; the message says where and how to mend it."""


def disk_full(error: BaseException) -> bool:
    """Tell a full disk, also as SQLite and safetensors word it, from other failures."""
    import sqlite3

    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return True
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return True
    return isinstance(error, DiskFull) or "no space left on device" in str(error).lower()
