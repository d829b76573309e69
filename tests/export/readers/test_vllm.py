"""A folder read by vLLM, where there is one."""

import pytest

pytest.importorskip("vllm")

from paceline.export.readers.generate import generated
from paceline.export.readers.vllm import answers
from tests.helpers.exports import asked_of


def test_a_saved_folder_is_rendered_as_the_model_in_memory_renders(policy, tmp_path):
    policy.save(tmp_path)
    asked = asked_of(tmp_path, stop_ids=policy.stop_ids)
    made, ours = answers(asked), generated(policy.module, policy.tokenizer, asked)
    assert [one.prompt_ids for one in made] == [one.prompt_ids for one in ours]
