"""The Hugging Face hub: asked whether it answers, before its clients try and retry for a minute."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

CONNECT_SECONDS = 5.0
"""Seconds in which the hub must answer a connection."""
REMEMBERED_SECONDS = 60.0
"""Seconds for which the hub's answer, or its silence, is remembered."""


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or the hub itself."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


@contextlib.contextmanager
def patient_for_seconds() -> Iterator[None]:
    """A context in which a hub that does not answer is not asked again: files that were fetched
    before are used, and nothing is retried."""
    from huggingface_hub import constants

    # Each library has read the environment once, and looks at its own copy since then.
    holders: list[Any] = [constants, *filter(None, [sys.modules.get("datasets.config")])]
    before = [holder.HF_HUB_OFFLINE for holder in holders]
    if not before[0] and not _answers(endpoint(), int(time.monotonic() / REMEMBERED_SECONDS)):
        for holder in holders:
            holder.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for holder, was in zip(holders, before, strict=True):
            holder.HF_HUB_OFFLINE = was


@cache
def _answers(place: str, _period: int) -> bool:
    if getproxies():  # Behind a proxy a direct connection says nothing.
        return True
    url = urlsplit(place)
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        socket.create_connection((url.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
