"""The report: one page that leads from the pixels of an image to its probabilities, and back."""

from scratchcnn.inspection.report.writing import Report, write_report

__all__ = ["Report", "write_report"]
