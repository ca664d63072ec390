"""`gist inspect`: a page on which people tick what is wrong with synthetic images, and what their answers say."""

from gist.inspection.answers import count_answers
from gist.inspection.kinds import name_of
from gist.inspection.page import write_page
from gist.inspection.result import InspectionResult, Rate, read_inspection

__all__ = ["InspectionResult", "Rate", "count_answers", "name_of", "read_inspection", "write_page"]
