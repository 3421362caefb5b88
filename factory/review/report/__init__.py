"""The report: one self-contained page that shows people what a factory lets through, with a map, tables and the reason of each line."""

from .page import page
from .report import Report, as_json, find_report, report_stack
from .svg import draw

__all__ = ["Report", "as_json", "draw", "find_report", "page", "report_stack"]
