"""Commands as a user types them."""

from paceline.cli import main


def failing(capsys, *words: str) -> tuple[int, str]:
    """Exit code and the sentence on stderr; nothing but the sentence may stand there."""
    code = main(list(words))
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error and len(error.splitlines()) == 1, error
    return code, error
