"""The forms of an export."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from paceline.errors import ConfigError
from paceline.export.export import job_of
from paceline.export.forms import FORMS
from paceline.store.run import Run
from tests.helpers.exports import needs_converter, smollm_run, tiny_run, two_layers


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run.open(tiny_run(tmp_path_factory.mktemp("export") / "run", **{"lora.rank": 4}))


def job(run, to, dtype="auto", out=None):
    return job_of(run, to, out, dtype, prompts=2)


def test_a_folder_is_the_run_s_model_byte_for_byte(run, tmp_path):
    written = FORMS["folder"].write(job(run, "folder"), tmp_path / "model")
    mine, theirs = ({p.name: p.read_bytes() for p in d.iterdir()} for d in (run.model, written))
    assert mine == theirs and "model.safetensors" in mine


def test_a_folder_in_another_dtype_has_its_weights_rounded_once(run, tmp_path):
    written = FORMS["folder"].write(job(run, "folder", "bf16"), tmp_path / "model")
    mine, theirs = (load_file(d / "model.safetensors") for d in (run.model, written))
    assert all(torch.equal(mine[name].bfloat16(), theirs[name]) for name in mine | theirs)
    assert (written / "tokenizer.json").is_file()


def test_an_adapter_has_the_tokenizer_beside_it(run, tmp_path):
    written = FORMS["adapter"].write(job(run, "adapter"), tmp_path / "adapter")
    names = {path.name for path in written.iterdir()}
    assert {path.name for path in run.adapter.iterdir()} < names and "tokenizer.json" in names


def test_a_run_that_trained_all_weights_has_no_adapter(tmp_path):
    with pytest.raises(ConfigError, match="trained all weights, so it has no adapter; use --to fo"):
        job(Run.open(tiny_run(tmp_path / "run")), "adapter")


@pytest.mark.parametrize(
    ("to", "dtype", "computed"),
    [
        ("folder", "auto", torch.float32), ("folder", "bf16", torch.bfloat16),
        ("folder", "f16", torch.float32),  # no processor computes well in fp16
    ],
)  # fmt: skip
def test_the_dtype_of_the_proof_is_that_of_the_export(run, to, dtype, computed):
    assert job(run, to, dtype).compute == computed
    if dtype == "f16":
        gpu = replace(job(run, to, dtype).loaded, device=torch.device("cuda"))
        assert replace(job(run, to, dtype), loaded=gpu).compute == torch.float16


@needs_converter
def test_a_folder_for_ollama_has_a_modelfile_with_the_run_s_own_stops(tmp_path):
    two_layers(tmp_path / "base")
    made = job(Run.open(smollm_run(tmp_path / "run")), "ollama")
    file = FORMS["ollama"].write(made, tmp_path / "ollama")
    assert file.name == "model-f32.gguf" and file.is_file()
    text = (tmp_path / "ollama" / "Modelfile").read_text()
    assert text.startswith("FROM ./model-f32.gguf\nTEMPLATE") and "<|im_start|>" in text
    assert 'PARAMETER stop "<|im_end|>"\n' in text and "PARAMETER temperature 1\n" in text
    # What was trained is the model's own distribution: nothing is cut off, nothing punished.
    for line in ("top_k 0", "top_p 1", "repeat_penalty 1"):
        assert f"PARAMETER {line}\n" in text
    asked = json.loads((made.run.model / "generation_config.json").read_text())
    assert set(asked["eos_token_id"]) == set(made.stop_ids)
