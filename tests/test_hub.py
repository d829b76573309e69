"""The hub is asked once whether it answers, and then left alone."""

import socket

import pytest
from huggingface_hub import constants

from paceline import hub
from paceline.hub import endpoint, patient_for_seconds

PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def connections(monkeypatch):
    """Addresses that were connected to; nothing listens at any of them."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.time, "monotonic", lambda: 1000.0)
    hub._answers.cache_clear()
    asked, connect = [], socket.create_connection

    def counting(address, **options):
        asked.append(address)
        return connect(address, **options)

    monkeypatch.setattr(socket, "create_connection", counting)
    yield asked
    hub._answers.cache_clear()


def test_the_endpoint_is_the_mirror_that_was_named(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert endpoint() == "https://mirror.example"
    for nothing in ("", None):
        if nothing is None:
            monkeypatch.delenv("HF_ENDPOINT")
        else:
            monkeypatch.setenv("HF_ENDPOINT", nothing)
        assert endpoint() == "https://huggingface.co"


def test_a_hub_that_is_silent_is_asked_once_and_switched_off_inside(connections, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens on the discard port
    for _ in range(2):
        with patient_for_seconds():
            assert constants.HF_HUB_OFFLINE
        assert not constants.HF_HUB_OFFLINE, "switched back"
    assert connections == [("127.0.0.1", 9)]
    # A minute later it may be there.
    monkeypatch.setattr(hub.time, "monotonic", lambda: 1000.0 + hub.REMEMBERED_SECONDS)
    with patient_for_seconds():
        pass
    assert len(connections) == 2


def test_a_hub_that_answers_stays_on(connections, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        with patient_for_seconds():
            assert not constants.HF_HUB_OFFLINE
    assert connections == [("127.0.0.1", port)]


def test_it_is_switched_back_after_an_error(connections, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(KeyError), patient_for_seconds():
        raise KeyError
    assert not constants.HF_HUB_OFFLINE


def test_behind_a_proxy_nothing_is_asked(connections, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with patient_for_seconds():
        assert not constants.HF_HUB_OFFLINE
    assert connections == []


def test_what_is_off_already_is_not_asked_and_stays_off(connections, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with patient_for_seconds():
        assert constants.HF_HUB_OFFLINE
    assert constants.HF_HUB_OFFLINE and connections == []
