"""Errors that a user can mend: one clear line, exit code 2."""


class UserError(Exception):
    """The user's input is at fault.

    The message names the bad value, where it stands (file and row), what is
    allowed and what to do next; it is shown as it is, without a traceback.
    """


class DatasetError(UserError):
    """A dataset cannot be read or cannot serve its task."""


class BaseModelError(UserError):
    """A base model cannot be found or loaded."""


class ModelError(UserError):
    """A saved model folder is missing, incomplete or of another kind."""
