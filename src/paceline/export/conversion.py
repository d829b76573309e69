"""From a Hugging Face folder to a GGUF file by llama.cpp's own converter.

The `gguf` package writes such files but knows no model: names, permutations and the mark of the
tokenizer are in llama.cpp's `convert_hf_to_gguf.py` and the files beside it. They come from
LLAMA_CPP, a checkout of llama.cpp; else from the source archive of llama-cpp-python on PyPI, which
carries them (MIT licence): fetched once, known by its hash, and unpacked into our cache.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Literal

from ..errors import ConfigError
from ..model.load import cache_dir

GgufType = Literal["bf16", "f16", "q8_0", "f32"]
"""Forms of the numbers that the converter writes; llama.cpp's own program makes smaller ones of
them."""
SCRIPT = "convert_hf_to_gguf.py"
"""Name of the converter's program."""
ARCHIVE, ARCHIVE_VERSION = "llama-cpp-python", "0.3.36"
ARCHIVE_HASH = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
"""The archive's SHA-256, in hexadecimal."""
INSIDE = PurePosixPath("vendor/llama.cpp")
"""The place of llama.cpp in the archive, below its only folder."""
NEEDED = (SCRIPT, "LICENSE", "conversion", "gguf-py")
"""The files and folders there that the converter consists of."""
HOW_TO_GET = (
    "get it with `git clone --depth 1 https://github.com/ggml-org/llama.cpp`, and set "
    "LLAMA_CPP=llama.cpp"
)
"""Words on how to get a converter by hand."""


def converter() -> Path:
    """The folder with llama.cpp's converter, fetched if it is not here yet.

    Raises: ConfigError if there is none, or a package that it imports is missing.
    """
    if find_spec("sentencepiece") is None:
        raise ConfigError(
            "llama.cpp's converter needs the package sentencepiece; run `pip install "
            "'paceline[export]'`."
        )
    if named := os.environ.get("LLAMA_CPP"):
        folder = Path(named).expanduser()
        if not (folder / SCRIPT).is_file():
            raise ConfigError(
                f"LLAMA_CPP is '{named}', which has no {SCRIPT}; set it to a checkout of llama.cpp."
            )
        return folder
    folder = cache_dir() / f"llama.cpp-{ARCHIVE_VERSION}"
    return folder if (folder / SCRIPT).is_file() else _fetched(folder)


def is_here() -> bool:
    """True if nothing has to be fetched."""
    kept = cache_dir() / f"llama.cpp-{ARCHIVE_VERSION}" / SCRIPT
    return bool(os.environ.get("LLAMA_CPP")) or kept.is_file()


def convert(model: Path, target: Path, dtype: GgufType) -> None:
    """Write a model's folder as one GGUF file, with its tokenizer and chat template.

    Raises: ConfigError with the converter's last words if it does not know the model; OSError if
        the disk is full.
    """
    script = converter() / SCRIPT
    done = subprocess.run(
        [sys.executable, str(script), str(model), "--outfile", str(target), "--outtype", dtype],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    if done.returncode == 0 and target.is_file():
        return
    target.unlink(missing_ok=True)
    said = _reason(done.stderr)
    if "Errno 28" in done.stderr or "Errno 122" in done.stderr:
        number = 28 if "Errno 28" in done.stderr else 122
        raise OSError(number, os.strerror(number), str(target))
    raise ConfigError(
        f"llama.cpp's converter could not write the model ({said}); a newer one may know it: "
        f"{HOW_TO_GET}."
    )


def _reason(stderr: str) -> str:
    """What a failed conversion said: the error, or its last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or line.startswith("ERROR")]
    return (errors or lines or ["it said nothing"])[-1][:300]


def _fetched(folder: Path) -> Path:
    """Fetch the archive from the package index that pip is set to, and keep the converter of it."""
    with tempfile.TemporaryDirectory(prefix="paceline-") as temporary:
        archive = _download(Path(temporary))
        aside = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            _unpack(archive, aside)
            if not folder.exists():  # another process may have been quicker
                os.replace(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def _download(to: Path) -> Path:
    """The archive; pip compares its hash before anything in it is looked at."""
    wanted = to / "requirements.txt"
    wanted.write_text(f"{ARCHIVE}=={ARCHIVE_VERSION} --hash=sha256:{ARCHIVE_HASH}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
         "--disable-pip-version-check", "--require-hashes", "--dest", str(to), "-r", str(wanted)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    found = next(iter(to.glob("*.tar.gz")), None)
    if found is None:
        raise ConfigError(
            f"llama.cpp's converter could not be fetched from the package index "
            f"({_reason(done.stderr)}); {HOW_TO_GET}."
        )
    return found


def _unpack(archive: Path, to: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if not inside.is_relative_to(INSIDE) or not member.isfile():
                continue
            own = inside.relative_to(INSIDE)
            if own.parts[0] in NEEDED and ".." not in own.parts:
                target = to / own
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None
                target.write_bytes(source.read())
