"""llama.cpp's converter: found, fetched, and called."""

import io
import tarfile

import pytest

from paceline.errors import ConfigError
from paceline.export import conversion
from paceline.export.conversion import SCRIPT, convert, converter
from tests.helpers.exports import has

pytestmark = pytest.mark.skipif(not has("sentencepiece"), reason="sentencepiece is not installed")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder in the place of a checkout, whose script is given."""

    def made(script):
        (tmp_path / "llama.cpp").mkdir(exist_ok=True)
        (tmp_path / "llama.cpp" / SCRIPT).write_text(script)
        monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "llama.cpp"))
        return tmp_path / "llama.cpp"

    return made


def test_a_checkout_of_one_s_own_goes_first(own):
    folder = own("")
    assert converter() == folder


def test_a_folder_without_the_script_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    with pytest.raises(ConfigError, match=f"has no {SCRIPT}; set it to a checkout"):
        converter()


def test_a_missing_package_is_told(own, monkeypatch):
    own("")
    monkeypatch.setattr(conversion, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'paceline\[export\]'"):
        converter()


def test_the_script_is_given_folder_file_and_type(own, tmp_path):
    own(
        "import sys, pathlib\n"
        "assert sys.argv[1:3] == ['model', '--outfile'] and sys.argv[4:] == ['--outtype', 'bf16']\n"
        "pathlib.Path(sys.argv[3]).write_text('GGUF')\n"
    )
    convert("model", tmp_path / "m.gguf", "bf16")
    assert (tmp_path / "m.gguf").read_text() == "GGUF"


def test_what_the_script_says_is_told_and_nothing_is_left(own, tmp_path):
    own(
        "import sys, pathlib\npathlib.Path(sys.argv[3]).write_text('half')\n"
        "print('INFO: fine', file=sys.stderr)\nraise NotImplementedError('no such thing')\n"
    )
    with pytest.raises(ConfigError, match=r"\(NotImplementedError: no such thing\); a newer one"):
        convert("model", tmp_path / "m.gguf", "bf16")
    assert not (tmp_path / "m.gguf").exists()


def test_a_full_disk_is_an_error_of_the_disk(own, tmp_path):
    own("raise OSError(28, 'No space left on device')\n")
    with pytest.raises(OSError, match="No space left") as caught:
        convert("model", tmp_path / "m.gguf", "bf16")
    assert caught.value.errno == 28 and caught.value.filename == str(tmp_path / "m.gguf")


def an_archive(path, **files):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def no_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path / "cache"))


def test_only_the_converter_is_kept_of_the_archive(no_checkout, tmp_path, monkeypatch):
    inside = "llama_cpp_python-1/vendor/llama.cpp"
    archive = an_archive(tmp_path / "a.tar.gz", **{
        f"{inside}/{SCRIPT}": "script", f"{inside}/LICENSE": "MIT",
        f"{inside}/conversion/base.py": "base", f"{inside}/gguf-py/gguf/gguf.py": "gguf",
        f"{inside}/src/llama.cpp": "much", "llama_cpp_python-1/setup.py": "other",
        f"{inside}/conversion/../../../../../out.py": "outside",
    })  # fmt: skip
    monkeypatch.setattr(conversion, "_download", lambda to: archive)
    assert not conversion.is_here()
    folder = converter()
    kept = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert kept == ["LICENSE", "conversion/base.py", SCRIPT, "gguf-py/gguf/gguf.py"]
    assert conversion.is_here() and converter() == folder
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [folder.name]
    assert not list(tmp_path.rglob("out.py"))


def test_an_index_that_does_not_answer_is_told(no_checkout, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(ConfigError, match=r"could not be fetched from the.*git clone"):
        converter()
