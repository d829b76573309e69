"""A GGUF file read by transformers."""

from paceline.export.conversion import convert
from paceline.export.readers.gguf import answers
from paceline.export.readers.pipeline import answers as of_folder
from tests.helpers.exports import asked_of, needs_converter, two_layers

STOPS = {"stop_ids": (2, 0)}
"""<|im_end|> and <|endoftext|>."""


@needs_converter
def test_a_file_answers_as_the_folder_that_it_was_made_from(two_layer_model):
    folder, file = two_layer_model
    assert answers(asked_of(file, **STOPS)) == of_folder(asked_of(folder, **STOPS))


@needs_converter
def test_a_head_of_its_own_is_in_the_file(tmp_path):
    folder = two_layers(tmp_path / "model", tied=False)
    convert(folder, tmp_path / "model.gguf", "f32")
    made = answers(asked_of(tmp_path / "model.gguf", **STOPS))
    assert made == of_folder(asked_of(folder, **STOPS))
