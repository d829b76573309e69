"""The interpreter inside the sandbox: a warm interpreter that forks for every program, and gives up
every right in the fork before it reads the program.

Started as `python -s -S -P runner.py FILES` with one end of a socket as its standard input, so it
imports nothing of paceline. FILES is "mounted" if a namespace already shows it only the files that
it may read, "nothing" for no wall at all, or the folders that Landlock shall leave readable, joined
by colons.

For each program a message brings its limits and three descriptors. The fork takes them as its
standard streams, builds its walls, says READY on its standard output, and only then reads the
program. So everything before READY was written by this file, a fork that ends without it is the
sandbox's failure, and this process never sees a program, nor anything that one left behind. The
order of the walls matters: parent-death signal, files, limits, system calls; each can be given up
only while the later ones are still held.
"""

import _socket
import atexit
import builtins
import ctypes
import os
import resource
import struct
import sys

READY = b"\x06"
"""The byte that says that the walls stand: ASCII acknowledge."""
CODE_LENGTH = struct.Struct("<Q")
"""The number of bytes of code that follow; after the code comes the program's standard input."""
JOB_LIMITS = struct.Struct("<II")
"""Limits of a program: seconds and megabytes."""
STREAMS = struct.Struct("3i")
"""Standard input, output and errors, as descriptors."""
STATUS = struct.Struct("<i")
"""The end of a program: its status, or −N for signal N."""
WARM_MODULES = (
    "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "fractions", "functools",
    "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string",
    "typing",
)  # fmt: skip
"""Modules that many programs import: imported once, before any of them."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
EPERM, SIGKILL = 1, 9

# fmt: off
ALLOWED_CALLS = {
    "x86_64": {
        # Files and pipes; Landlock or the namespace decides which.
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7,
        "lseek": 8, "pread64": 17, "readv": 19, "writev": 20, "access": 21, "pipe": 22,
        "select": 23, "dup": 32, "dup2": 33, "getcwd": 79, "readlink": 89, "getdents64": 217,
        "openat": 257, "newfstatat": 262, "readlinkat": 267, "faccessat": 269, "pselect6": 270,
        "ppoll": 271, "dup3": 292, "pipe2": 293, "statx": 332, "faccessat2": 439,
        # Memory.
        "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25, "madvise": 28,
        # Signals to itself and the end.
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sigaltstack": 131,
        "exit": 60, "exit_group": 231, "restart_syscall": 219,
        # Time, and what a process may know of itself.
        "nanosleep": 35, "setitimer": 38, "alarm": 37, "getpid": 39, "uname": 63,
        "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100,
        "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
        "arch_prctl": 158, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204,
        "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "set_robust_list": 273,
        "getrandom": 318, "rseq": 334, "sched_yield": 24,
    },
    "aarch64": {
        "getcwd": 17, "dup": 23, "dup3": 24, "faccessat": 48, "openat": 56, "close": 57,
        "pipe2": 59, "getdents64": 61, "lseek": 62, "read": 63, "write": 64, "readv": 65,
        "writev": 66, "pread64": 67, "pselect6": 72, "ppoll": 73, "readlinkat": 78,
        "newfstatat": 79, "fstat": 80, "statx": 291, "faccessat2": 439,
        "munmap": 215, "brk": 214, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sigaltstack": 132,
        "exit": 93, "exit_group": 94, "restart_syscall": 128,
        "set_robust_list": 99, "futex": 98, "nanosleep": 101, "setitimer": 103,
        "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
        "sched_getaffinity": 123, "sched_yield": 124, "times": 153, "uname": 160,
        "getrlimit": 163, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "getppid": 173,
        "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178,
        "sysinfo": 179, "getrandom": 278, "rseq": 293,
    },
}
"""Allowed system calls by number; every other one is answered with EPERM."""
RESTRICTED_CALLS = {
    # Only these values of one argument: (call's number, the argument's place, values).
    "x86_64": (
        (16, 1, (0x5401,)),                  # ioctl: TCGETS, which asks whether it is a terminal
        (72, 1, (0, 1, 2, 3, 1030)),         # fcntl: F_SETOWN can send a signal to any process
        (302, 2, (0,)),                      # prlimit64: to read limits
    ),
    "aarch64": ((29, 1, (0x5401,)), (25, 1, (0, 1, 2, 3, 1030)), (261, 2, (0,))),
}
# fmt: on
"""System calls that are allowed only for some values of one argument."""
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The kernel's numbers of machines, by which a filter knows its machine."""
CAPSET = {"x86_64": 126, "aarch64": 91}
"""The number of the system call that gives up capabilities."""


class WallError(Exception):
    """A wall does not stand."""


libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library that answers −1 on failure."""
    answer = getattr(libc, name)(*arguments)
    if answer < 0:
        raise WallError(f"{name}{arguments[:2]}: {os.strerror(ctypes.get_errno())}")
    return answer


def die_with_parent() -> None:
    parent = os.getppid()
    call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # It died before it could be asked to tell us.
        os._exit(1)


def give_up_privileges() -> None:
    """Give up privileges: no new ones by exec, no core dump or debugger, no capabilities."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    header = struct.pack("<Ii", 0x20080522, 0)
    call("syscall", CAPSET[os.uname().machine], header, bytes(24))


def show_only(folders: list[str]) -> None:
    """Restrict files by Landlock: files of these folders can be read, nothing else, nothing
    written, no TCP, no signal to other processes. Needs version 3, which knows truncation."""
    version = libc.syscall(444, None, 0, 1)
    if version < 3:
        raise WallError(f"this kernel's Landlock is version {max(version, 0)}, 3 is needed")
    files = (1 << (16 if version >= 5 else 15)) - 1
    rules = struct.pack("<QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call("syscall", 444, rules, size, 0)
    for folder in folders:
        place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        read = 1 << 2 | (1 << 3 if os.path.isdir(folder) else 0)
        call("syscall", 445, ruleset, 1, struct.pack("<Qi", read, place), 0)
        os.close(place)
    call("syscall", 446, ruleset, 0)
    os.close(ruleset)


def limit(seconds: int, megabytes: int) -> None:
    """Set hard limits, equal to the soft ones: a signal at a soft one could be ignored."""
    for what, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (value, value))


def filter_calls() -> None:
    """Allow only the listed system calls, in the kernel's packet filter; it cannot be taken
    back."""
    machine = os.uname().machine
    if machine not in ALLOWED_CALLS:
        raise WallError(f"there is no list of system calls for {machine}")
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, deny, kill = 0x7FFF0000, 0x00050000 | EPERM, 0x80000000
    program = [
        (load, 0, 0, 4), (equal, 1, 0, AUDIT_ARCH[machine]), (answer, 0, 0, kill),
        (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (answer, 0, 0, kill),
    ]  # fmt: skip
    for number in ALLOWED_CALLS[machine].values():
        program += [(equal, 0, 1, number), (answer, 0, 0, allow)]
    for number, place, values in RESTRICTED_CALLS[machine]:
        # Its upper half is 0, its lower one of the values, or the call is denied.
        tests: list[tuple[int, int, int, int]] = [
            (load, 0, 0, 16 + 8 * place + 4), (equal, 1, 0, 0), (answer, 0, 0, deny),
            (load, 0, 0, 16 + 8 * place),
        ]  # fmt: skip
        for value in values:
            tests += [(equal, 0, 1, value), (answer, 0, 0, allow)]
        tests.append((answer, 0, 0, deny))
        program += [(equal, 0, len(tests), number), *tests]
    program.append((answer, 0, 0, deny))
    code = b"".join(struct.pack("<HBBI", *line) for line in program)
    kept = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(kept))
    call("prctl", PR_SET_SECCOMP, 2, header, 0, 0)


def read(count: int) -> bytes:
    """Read exactly so many bytes of standard input, and none of those after them."""
    parts = []
    while count:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            raise WallError("the code ended early")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def prepare(files: str, seconds: int, megabytes: int) -> None:
    os.umask(0o077)
    die_with_parent()
    if files == "nothing":
        return
    give_up_privileges()
    if files != "mounted":
        show_only(files.split(":"))
    limit(seconds, megabytes)
    filter_calls()


def run(source: bytes) -> int:
    """Run the program as a main module; returns its status."""
    sys.argv = ["answer.py"]
    sys.modules["__main__"] = type(sys)("__main__")
    if "random" in sys.modules:
        sys.modules["random"].seed(0)  # one state for all forks either way: then one that repeats
    status = 0
    try:
        exec(compile(source, "answer.py", "exec"), vars(sys.modules["__main__"]))
    except SystemExit as left:
        status = told(left)
    except BaseException as error:
        # Without this file's own frames, which say nothing of the program.
        own = error.__traceback__
        sys.excepthook(type(error), error.with_traceback(own and own.tb_next), None)
        status = 1
    return status


def leave(code: object = None) -> None:
    """End a program, as the function behind its `exit` and `quit`: the module site, which defines
    them, is left out."""
    raise SystemExit(code)


def told(left: SystemExit) -> int:
    """The status that Python would end with."""
    if left.code is None or isinstance(left.code, int):
        return int(left.code or 0) & 0xFF
    print(left.code, file=sys.stderr)
    return 1


def fork_for(files: str, job: bytes, streams: tuple[int, ...]) -> int:
    """Fork a process for one program; returns its number, in the parent."""
    child = os.fork()
    if child:
        return child
    try:
        for place, given in enumerate(streams):
            os.dup2(given, place)
        os.closerange(3, 256)
        try:
            prepare(files, *JOB_LIMITS.unpack(job))
        except (WallError, OSError, ValueError) as error:
            os.write(2, f"{error}".encode())
            os._exit(1)
        os.write(1, READY)
        status = run(read(CODE_LENGTH.unpack(read(CODE_LENGTH.size))[0]))
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    finally:
        os._exit(1)  # never back into the loop below


def serve(files: str) -> None:
    die_with_parent()
    for name in WARM_MODULES:
        __import__(name)
    builtins.exit = builtins.quit = leave
    channel = _socket.socket(fileno=os.dup(0))
    channel.send(READY)
    while True:
        job, attached, _, _ = channel.recvmsg(JOB_LIMITS.size, _socket.CMSG_SPACE(STREAMS.size))
        if not job or not attached:
            return
        streams = STREAMS.unpack(attached[0][2])
        child = fork_for(files, job, streams)
        for given in streams:
            os.close(given)
        channel.send(STATUS.pack(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


if __name__ == "__main__":
    serve(sys.argv[1])
