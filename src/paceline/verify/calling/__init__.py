"""Calling a verifier: about one completion or many at once, in this process or another.

base            the base class of this package's own verifiers
verifier        the one place that calls a verifier, and checks its answer
signatures      the choice of an adapter for a function, by the names of its parameters
adapters        functions of other shapes as verifiers
parameters      the parameters of a function, and the value of each
load            functions of a user's own file, by name
missing         a reward that only another Python session has
reward_config   the section `rewards` of a config
scoring         a completion's way to its verdict, or to a reason for having none
pool            threads and workers, beside generation
worker, serve   a process that calls a function and can be ended; the program that it runs
trace           the user's part of a traceback
"""
