"""Other people's programs that read what was exported and answer with it.

Each runs in a process of its own (`call.py`), so that one that crashes, or that keeps the memory it
took, does no harm here. They render conversations by themselves, from the files alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Reader:
    """A program that reads some form of an export.

    Example: Reader("llama.cpp", "llama_cpp", "xllamacpp")
    """

    name: str
    """Its name in sentences and in export.json."""
    module: str
    """The module beside this one that calls it."""
    package: str
    """The Python package that has to be installed."""
    needs_gpu: bool = False
    """True if it cannot be asked without one."""

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Its version; with the package's name where it is called otherwise."""
        found = version(self.package)
        return found if self.package == self.name.lower() else f"{self.package} {found}"


READERS: Mapping[str, tuple[Reader, ...]] = {
    "folder": (
        Reader("transformers", "pipeline", "transformers"),
        Reader("vLLM", "vllm", "vllm", needs_gpu=True),
    ),
    "adapter": (Reader("PEFT", "peft", "peft"),),
    "gguf": (
        Reader("llama.cpp", "llama_cpp", "xllamacpp"),
        Reader("transformers", "gguf", "transformers"),
    ),
}
"""Readers of each form."""
