"""Comparison, replay and audit: what one learns from runs, and before them.

Each of the three has its work, a record of what it found, conclusions in sentences, a page, and
what the terminal shows.
"""
