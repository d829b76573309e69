"""Verifiers that read an answer and compare it with the expected one.

    form          where the answer stands in a completion
    box           an answer in a box: \\boxed{103}
    math          numbers, and exact texts
    symbolic      expressions
    choice        one letter
    countdown     an equation over given numbers
    gym           answers that reasoning-gym scores
    text          numbers, boxes and units as a text writes them
    expressions   the parser of mathematical expressions

`text` imports neither `expressions` nor the verifiers, and `expressions` imports no verifier.
"""
