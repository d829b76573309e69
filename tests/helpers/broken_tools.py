"""A stand-in for TensorBoard's writer that does what a broken tool does, in a tracker's process."""

import os
from pathlib import Path

WRITER = """
import os, time
class SummaryWriter:
    def __init__(self, *words, **more):
        print("a tool that talks")
        os.write(1, b"on all channels\\n")
        {opens}
    def add_text(self, *words): pass
    def add_scalar(self, name, value, step):
        {logs}
    def flush(self): pass
    def close(self):
        {closes}
"""


def breaks(folder: Path, monkeypatch, **code: str) -> None:
    """Put a tensorboardX in front of any other, for this process's children.

    Args:
        code: a statement of Python for `opens`, `logs` or `closes`.
    """
    folder.mkdir()
    told = {"opens": "pass", "logs": "pass", "closes": "pass"} | code
    (folder / "tensorboardX.py").write_text(WRITER.format(**told))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def hangs_until(path: Path) -> str:
    """The statement of a tool that does not answer before a file is there."""
    return f"while not os.path.exists({str(path)!r}): time.sleep(0.05)"
