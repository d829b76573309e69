"""Programs as answers: found in a completion, run in the sandbox, judged outside of it.

program     where a program stands, and how it is run
code        a program judged by what it prints
asserts     a program judged by `assert call == value` lines
testcases   lists of test cases in a row, and what passing some of them is worth
values      values that come back out of the sandbox
sandbox     where programs that a model wrote are run
"""
