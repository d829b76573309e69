r"""Reading of mathematical answers: \frac{\sqrt{3}}{2}, x^2 - 1, (2, 5], \{1, 2\}, 12.5\%.

    tokens       LaTeX or plain text, as tokens
    reader       tokens, as an expression; all of them or none
    expression   the expressions that an answer may be
    units        what may stand behind a number
    numeric      values, exact where they are rational, else to 300 digits
    finished     what an answer leaves to be computed
    equality     when two expressions are one answer

An answer counts only if all of it was read. Nothing is evaluated that is not in these files: no
`eval`, no parser of anybody else's, and every operation has a bound, so that no text takes long.
"""
