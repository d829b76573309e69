"""Fixtures that tests of models share."""

import pytest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a GGUF file that nobody reads."""
    folder = tmp_path / "some_model"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(str(tmp_path))
