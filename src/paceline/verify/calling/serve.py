"""The program of a worker process: `python -m paceline.verify.calling.serve PARENT`.

Messages come on standard input and go to standard output, each after its length; the function's
prints go to standard error, so that it cannot be taken for a message.
"""

import ctypes
import io
import os
import pickle
import sys
from typing import Any, BinaryIO

import cloudpickle

from ...errors import UserError
from .load import loading
from .trace import told
from .worker import MESSAGE_LENGTH


def main() -> None:
    _die_with(int(sys.argv[1]))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what a reward prints must not end it
    with loading():
        _serve()


def _serve() -> None:
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    try:
        function = cloudpickle.loads(_read(source))
    except BaseException as error:
        _write(sink, ("raised", _told(error)))
        return
    _write(sink, ("ready", None))
    while True:
        try:
            arguments = cloudpickle.loads(_read(source))
        except EOFError:
            return
        try:
            answer = ("answered", function(*arguments))
        except BaseException as error:
            answer = ("raised", _told(error))
        try:
            _write(sink, answer)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            _write(sink, ("raised", _told(error)))


def _die_with(parent: int) -> None:
    """On Linux the kernel ends this process when the trainer ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)


def _told(error: BaseException) -> tuple[str, str, str, BaseException | None]:
    # Our own sentence without a cause is about an answer: nobody raised anything.
    ours = isinstance(error, UserError) and error.__cause__ is None
    cause = error.__cause__ or error
    text, kind = "" if ours else told(cause), type(cause).__name__
    try:
        cloudpickle.loads(cloudpickle.dumps(error))
    except Exception:
        return kind, str(error), text, None
    return kind, str(error), text, error


def _read(source: BinaryIO) -> bytes:
    head = source.read(MESSAGE_LENGTH.size)
    if len(head) < MESSAGE_LENGTH.size:
        raise EOFError
    return source.read(MESSAGE_LENGTH.unpack(head)[0])


def _write(sink: BinaryIO, message: Any) -> None:
    data = cloudpickle.dumps(message)
    sink.write(MESSAGE_LENGTH.pack(len(data)) + data)
    sink.flush()


if __name__ == "__main__":
    main()
