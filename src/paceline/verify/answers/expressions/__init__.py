r"""Reading of mathematical answers: \frac{\sqrt{3}}{2}, x^2 - 1, (2, 5], \{1, 2\}, 12.5\%.

    tokens       LaTeX or plain text, as tokens
    cursor, commands, terms, reader
                 tokens, as an expression; all of them or none
    expression   the expressions that an answer may be
    numeric      values, exact where they are rational, else to 300 digits
    points       values of expressions with symbols, at some points
    real_sets    intervals, inequalities and their unions, as sets of numbers
    relations    equations and inequalities
    factors      the factors of an expression
    finished     what an answer leaves to be computed
    equality     when two expressions are one answer

An answer counts only if all of it was read. Only code in these files evaluates anything: no `eval`,
no other parser, and every operation has a bound, so that no text takes long.
"""
