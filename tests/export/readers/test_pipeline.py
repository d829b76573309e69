"""A folder read by transformers' pipeline."""

from paceline.export.readers.generate import generated
from paceline.export.readers.pipeline import answers
from tests.helpers.exports import asked_of


def test_a_saved_folder_answers_as_the_model_in_memory(policy, tmp_path):
    policy.save(tmp_path)
    asked = asked_of(tmp_path, stop_ids=policy.stop_ids)
    assert answers(asked) == generated(policy.module, policy.tokenizer, asked)
