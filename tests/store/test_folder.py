"""A folder is a run if it has the config.json of one."""

import pytest

from paceline.errors import ConfigError
from paceline.store.folder import check_is_run, is_run

MODELS = "its config.json is not that of a run, or is not whole"


def test_the_config_of_a_run_makes_one(tmp_path):
    (tmp_path / "config.json").write_text('{"config": {}}')
    assert is_run(tmp_path)
    check_is_run(tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it has no config.json"),
        ("", MODELS),
        ("[]", MODELS),
        ('["config"]', MODELS),
        ('{"model_type": "llama"}', MODELS),
        ('{"config": {', MODELS),
        ("\udcff", MODELS),
    ],
)
def test_a_folder_without_it_is_none(tmp_path, text, why):
    """A model's folder has a config.json too."""
    if text is not None:
        (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert not is_run(tmp_path)
    with pytest.raises(ConfigError) as refused:
        check_is_run(tmp_path)
    assert str(refused.value) == (
        f"'{tmp_path}' is not a run directory: {why}; give one that training wrote, such as "
        "runs/NAME."
    )


def test_a_place_where_nothing_is_and_a_file_are_none(tmp_path):
    (tmp_path / "file").touch()
    assert not is_run(tmp_path / "nowhere") and not is_run(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"There is no folder '.*nowhere'; give one that"):
        check_is_run(tmp_path / "nowhere")
