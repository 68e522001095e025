"""Verdicts: one verifier for the data filter, the training reward and the benchmark score."""

from r1data.rewards.extract import Extracted, extract
from r1data.rewards.verdict import PRESETS, PROBLEM_TYPES, Preset, Verdict, verify

__all__ = ["PRESETS", "PROBLEM_TYPES", "Extracted", "Preset", "Verdict", "extract", "verify"]
