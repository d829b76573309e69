"""Programs as answers: found in a completion, run in the sandbox, judged outside of it.

program     finding a program, and running it
code        a program judged by its output
asserts     a program judged by `assert call == value` lines
testcases   lists of test cases in a row, and the reward for passing some of them
values      values that come back out of the sandbox
sandbox     the place where a model's programs are run
"""
