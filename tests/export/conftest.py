"""A small real model and its GGUF file, made once for all tests of exports."""

from pathlib import Path

import pytest

from paceline.export.conversion import convert
from tests.helpers.exports import two_layers


@pytest.fixture(scope="session")
def two_layer_model(tmp_path_factory) -> tuple[Path, Path]:
    """A folder with two layers of SmolLM2 in fp32, and the file converted from it."""
    folder = two_layers(tmp_path_factory.mktemp("two-layers") / "model")
    convert(folder, folder.with_name("model.gguf"), "f32")
    return folder, folder.with_name("model.gguf")
