"""`gist inspect`: a page on which people tick what is wrong with synthetic images, and what their answers say."""

from gist.inspection.answers import count_answers
from gist.inspection.page import write_page
from gist.inspection.result import KINDS, InspectionResult, Rate, read_inspection

__all__ = ["KINDS", "InspectionResult", "Rate", "count_answers", "read_inspection", "write_page"]
