"""The report: one self-contained page that a clinician can read, and the same facts for machines."""

from gist.reporting.stage import write_report

__all__ = ["write_report"]
