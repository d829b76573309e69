"""Comparison, replay and audit: the study of runs, and of recipes before them.

Each of the three has its work, a record of its findings, conclusions in sentences, a page, and
output on the terminal.
"""
