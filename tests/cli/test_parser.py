"""Help that fits a screen."""

import pytest

import paceline
from paceline.cli import main
from tests.helpers.commands import failing


def test_bare_paceline_prints_the_help_and_version_the_version(capsys):
    assert main([]) == 0
    bare = capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert bare.out == capsys.readouterr().out and stop.value.code == 0 and bare.err == ""
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out == f"paceline {paceline.__version__}\n"


def test_help_fits_a_screen(capsys):
    for word in ("", "train", "check", "show", "eval", "sample", "report", "recipes"):
        with pytest.raises(SystemExit) as stop:
            main([*filter(None, [word]), "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0 and len(text.splitlines()) <= 30, word


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian", "demo"], "There is no command 'trian'. Did you mean 'train'? There are train, "),
        (["zzz"], "There is no command 'zzz'. There are train, "),
        (["resume"], "The following arguments are required: RUN. `paceline resume --help` lists "),
        (
            ["compare", "tiny", "--seeds", "x"],
            "Argument --seeds: invalid int value: 'x'. `paceline compare --help` lists ",
        ),
    ],
)
def test_a_wrong_command_and_a_missing_word_are_one_sentence(words, sentence, capsys):
    code, error = failing(capsys, *words)
    assert code == 2 and error.startswith(f"paceline: {sentence}")
