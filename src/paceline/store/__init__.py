"""The files of a run on disk: records of steps, events and runs. Knows no trainer and no screen,
and loads no torch."""

from .base import RecordError
from .records import Event, Measured, StepRecord, Summary

__all__ = ["Event", "Measured", "RecordError", "StepRecord", "Summary"]
