"""Trackers: the tools of others in which a team follows its runs. Each is fed from a run's files,
by a process of its own, so that none of them can touch the run."""

from .send import track

__all__ = ["track"]
