"""Entry point of the `gist` command: every error becomes one sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys

import typer

from gist.errors import GistError


def main() -> None:
    """Runs the command and turns errors into one sentence and an exit code."""
    # What schedulers send is a request to stop as Ctrl-C is, in every stage and from the first moment.
    for name in ("SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        from gist.cli.app import app  # which asks packages that add something, and may find them broken

        app()
    except GistError as error:
        _explain(str(error), error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as error:
        _explain("Stopped; the same command continues.", error)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _explain(f"{error.strerror or error}{where}; mend that and run the same command.", error)
        sys.exit(1)
    except Exception as error:
        _explain(
            f"gist itself failed ({type(error).__name__}: {error}); run again with --debug in front of the command "
            "to see where, and please report it.",
            error,
        )
        sys.exit(1)


def _explain(sentence: str, error: BaseException) -> None:
    if os.environ.get("GIST_DEBUG"):
        raise error
    typer.echo(f"gist: {sentence}", err=True)
