"""The product's own exceptions: one sentence each, saying what, where and what to do."""


class GistError(Exception):
    """Base of everything gist raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(GistError):
    """The user can mend it: a setting, a path or a file is wrong."""

    exit_code = 2


class StageError(GistError):
    """A stage could not finish for a reason outside the settings, such as a full disk."""


class BusyError(GistError):
    """Another process is working on the same run folder."""
