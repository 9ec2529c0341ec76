"""What goes wrong with the things that outlive a turn."""


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
