"""A GGUF file read by llama.cpp."""

import pytest

pytest.importorskip("xllamacpp")

from paceline.export.readers.llama_cpp import answers
from paceline.export.readers.pipeline import answers as of_folder
from tests.helpers.exports import asked_of, needs_converter


@needs_converter
def test_a_file_is_rendered_and_answered_as_the_folder_that_it_was_made_from(two_layer_model):
    folder, file = two_layer_model
    stops = {"stop_ids": (2, 0)}  # <|im_end|> and <|endoftext|>
    made, theirs = answers(asked_of(file, **stops)), of_folder(asked_of(folder, **stops))
    assert [one.prompt_ids for one in made] == [one.prompt_ids for one in theirs]
    assert [one.token_ids for one in made] == [one.token_ids for one in theirs]
