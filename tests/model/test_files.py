"""Files that safetensors and tokenizers cannot write."""

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from paceline.model import tiny
from paceline.model.files import telling_of_the_disk


@pytest.mark.parametrize("what", ["tensors", "tokenizer"])
def test_what_cannot_be_written_is_an_oserror(what, tmp_path):
    nowhere = tmp_path / "nowhere" / "file"
    with pytest.raises(OSError, match="No such file or directory") as told, telling_of_the_disk():
        if what == "tensors":
            save_file({"a": torch.zeros(2)}, nowhere)
        else:
            tiny.tokenizer().backend_tokenizer.save(str(nowhere))
    assert told.value.errno == errno.ENOENT
    # As the libraries have it: neither raises one.
    assert not isinstance(told.value.__cause__, OSError)


def test_anything_else_stays_as_it_is():
    with pytest.raises(ValueError, match=r"^no disk$"), telling_of_the_disk():
        raise ValueError("no disk")
    with pytest.raises(FileNotFoundError), telling_of_the_disk():
        Path("/no/such/file").read_bytes()
