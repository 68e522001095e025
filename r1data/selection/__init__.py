"""8 selection: which samples stay, with which response, and why the others fall out."""

from r1data.selection.stage import select, select_questions

__all__ = ["select", "select_questions"]
