"""The whole pipeline in a browser, for one workstation: projects are ordinary run folders, jobs ordinary runs."""

from gist.web.server import run_server

__all__ = ["run_server"]
