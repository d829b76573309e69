"""Settings that save memory and cannot be had here."""

import sys

import pytest

from paceline import recipes
from paceline.errors import ConfigError
from paceline.preflight.load import load
from paceline.preflight.preflight import check
from paceline.preflight.thrift import check_thrift


def checked(**changes):
    check_thrift(load(recipes.tiny().with_(**changes)))


def test_weights_of_few_bits_are_only_trained_on_by_adapters():
    with pytest.raises(ConfigError, match="quantisation is nf4, and weights of few bits cannot be"):
        check(recipes.tiny().with_(model={"quantisation": "nf4"}))
    checked(model={"quantisation": "nf4"}, lora={"rank": 4})


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"quantisation": "int8"}, "lora": {"rank": 4}},
        {"optimizer": {"moments": "8bit"}},
    ],
)
def test_without_bitsandbytes_it_is_said_what_needs_it(monkeypatch, changes):
    checked(**changes)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ConfigError, match=r"(quantisation=int8|moments=8bit) needs bitsandbytes"):
        checked(**changes)
    checked()


def test_there_is_no_other_memory_than_the_hosts_on_a_cpu():
    with pytest.raises(ConfigError, match=r"offload is for a GPU: on a CPU all is in the host"):
        checked(optimizer={"offload": True}, model={"device": "cpu"})
