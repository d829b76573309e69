"""Types of settings: in words, and held against values."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from paceline.annotations import allows, type_name
from paceline.settings import OptimizerConfig


def test_types_in_words():
    assert type_name(int | None) == "a whole number or none"
    assert (
        type_name(Literal["a", "b"]) == "one of a, b"
        and type_name(OptimizerConfig) == "OptimizerConfig(…)"
    )


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (int, (3, np.int64(3)), (3.0, "3", True, None)),
        (float, (3, 0.5, np.float32(0.5)), ("0.5", False, None)),
        (bool, (True,), (1, "true", None)),
        (str | None, ("a", None), (1, b"a")),
        (Literal["a", "b"], ("a",), ("c", None, 1)),
        (tuple[str, ...], ((), ("a", "b"), ["a"]), ("a", ("a", 1), None)),
        (OptimizerConfig, (OptimizerConfig(),), ({"lr": 1.0}, OptimizerConfig, None)),
        (str | Callable[..., Any], ("a", len, 1), ()),  # 1 is for the owner to refuse
    ],
)
def test_what_a_type_allows(annotation, right, wrong):
    assert all(allows(annotation, value) for value in right)
    assert not any(allows(annotation, value) for value in wrong)
