"""The environment that a run's record keeps."""

import os
import platform

import torch
import transformers

from paceline.preflight.environment import environment_of, machine, versions
from paceline.preflight.fingerprint import fingerprints
from paceline.preflight.load import load
from paceline.verify.programs.code import PrintedAnswer
from tests.helpers.made_tasks import Made, config_of


def test_every_package_that_decides_a_result_has_its_version():
    found = versions()
    assert list(found) == [
        "paceline", "torch", "transformers", "tokenizers", "numpy", "pyarrow", "python",
    ]  # fmt: skip
    assert torch.__version__.startswith(found["torch"])
    assert found["transformers"] == transformers.__version__
    assert found["python"] == platform.python_version()


def test_the_machine_is_what_the_run_uses_of_it():
    found = machine(load(config_of(model={"dtype": "bf16"})))
    assert found == {
        "cpus": os.cpu_count(), "threads": torch.get_num_threads(), "device": "cpu",
        "dtype": "bfloat16", "sandbox": None, "system": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


def test_the_wall_of_the_sandbox_is_named_where_programs_are_run():
    task = Made(verifier=PrintedAnswer())
    assert machine(load(config_of(task)))["sandbox"] in ("namespaces", "landlock")


def test_the_environment_is_versions_machine_and_hashes():
    loaded = load(config_of())
    found = environment_of(loaded)
    assert found.versions == versions() and found.machine == machine(loaded)
    assert found.fingerprints == fingerprints(loaded)
