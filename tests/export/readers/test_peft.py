"""An adapter read by PEFT."""

import pytest

pytest.importorskip("peft")

from paceline.export.readers.peft import answers
from paceline.export.readers.pipeline import answers as of_folder
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.exports import asked_of
from tests.helpers.policies import tiny_policy


def test_an_adapter_on_its_base_answers_as_the_merged_model(tmp_path):
    policy = fill(adapted_policy(), spread=0.5)
    policy.save(tmp_path / "merged")
    policy.save_adapter(tmp_path / "adapter", "tiny")
    policy.tokenizer.save_pretrained(tmp_path / "adapter")
    tiny_policy().save(tmp_path / "base")
    base = str(tmp_path / "base")
    merged = of_folder(asked_of(tmp_path / "merged"))
    assert answers(asked_of(tmp_path / "adapter", base=base)) == merged
