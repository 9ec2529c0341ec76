"""A full disk is known however it is worded."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from tuneos.memory.errors import DiskFull, StoreError, disk_full


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (RuntimeError("Error while serializing: I/O error: No space left on device"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (DiskFull("the disk is full"), True),
        (sqlite3.OperationalError("database is locked"), False),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (RuntimeError("the queue is full"), False),
        (StoreError("a file is damaged"), False),
    ],
)
def test_full_disk_is_told_from_other_failures(error: Exception, full: bool) -> None:
    assert disk_full(error) is full
