"""The data report: one self-contained page on what the prepare stage found and made."""

from gist.intake.data_page.page import write_data_page

__all__ = ["write_data_page"]
