"""The report: one self-contained page that shows people what a factory lets through, with a map, tables and the reason of each line."""

from .report import Report, find_report

__all__ = ["Report", "find_report"]
