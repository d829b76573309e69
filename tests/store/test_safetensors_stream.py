"""Tensors as bytes that the safetensors library reads."""

import pytest
import torch
from safetensors.torch import load_file

from paceline.store import atomic
from paceline.store.safetensors_stream import DTYPE_NAMES, all_finite, chunks_of, fingerprint


@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_the_library_reads_what_was_written(tmp_path, name):
    dtype = getattr(torch, name.removeprefix("torch."))
    tensors = {
        "matrix": torch.arange(12).reshape(3, 4).to(dtype),
        "turned": torch.arange(6).reshape(2, 3).to(dtype).T,  # not contiguous
        "part": torch.arange(10).to(dtype)[2:5],
        "number": torch.tensor(3).to(dtype),
        "none": torch.zeros(0, 4, dtype=dtype),
        "with gradient": torch.ones(2).to(dtype).requires_grad_(dtype.is_floating_point),
    }
    atomic.write(tmp_path / "f.safetensors", chunks_of(tensors))
    read = load_file(tmp_path / "f.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == dtype and torch.equal(read[name], tensor.detach()), name


def test_no_tensors_are_a_file_too(tmp_path):
    atomic.write(tmp_path / "f.safetensors", chunks_of({}))
    assert load_file(tmp_path / "f.safetensors") == {}


def test_a_fingerprint_is_of_names_shapes_types_and_values():
    def of(name="a", shape=(2, 3), dtype=torch.float32, value=0.0):
        tensor = torch.zeros(shape, dtype=dtype)
        tensor.view(-1)[0] = value
        return fingerprint({name: tensor})

    assert of() == of()
    assert len({of(), of("b"), of(shape=(3, 2)), of(dtype=torch.bfloat16), of(value=1e-30)}) == 5


def test_finite():
    fine = torch.tensor([1.0, -2.0])
    assert all_finite({"a": fine, "b": torch.arange(3)})
    assert all_finite({"a": torch.full((9,), 3e38)})  # whose norm is too large for fp32
    for wrong in (float("nan"), float("inf"), -float("inf")):
        assert not all_finite({"a": fine, "b": torch.tensor([0.0, wrong])})
