"""The reader's page: from a server on this machine, or as one file that needs none; both share viewer and session."""

from gist.reader.serve.offline import write_files
from gist.reader.serve.server import links, run_server

__all__ = ["links", "run_server", "write_files"]
