"""Attacks that a program might try: 145, by kind.

In the code, @SECRET@ is a file with a token, @FOLDER@ a folder that this user may write, @PORT@ and
@UDP@ ports and @UNIX@ a socket of this machine that listen, @VICTIM@ a process of this user, and
@GRADER@ a file of the program that runs the sandbox.
"""

from textwrap import dedent

from .attack import Attack, endless, hoards, hungry, native, says, tries

TIME = (
    endless("loop", "time", "while True: pass"),
    endless("sleep", "time", "import time; time.sleep(1000)"),
    endless("loop that ignores every signal", "time", """
        import signal
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True: pass
    """),
    endless("loop behind a handler for the processor's limit", "time", """
        import signal
        signal.signal(signal.SIGXCPU, lambda *_: None)
        while True: pass
    """),
    endless("loop that catches everything", "time", """
        while True:
            try:
                while True: pass
            except BaseException: pass
    """),
    endless("loop at exit", "time", """
        import atexit
        @atexit.register
        def again():
            while True: pass
    """),
    endless("loop in a destructor", "time", """
        class Last:
            def __del__(self):
                while True: pass
        last = Last(); del last
    """),
    endless("regular expression without end", "time", r"""
        import re
        re.match(r"(a+)+$", "a" * 60 + "b")
    """),
    endless("sum without end", "time", "import itertools; sum(itertools.count())"),
    Attack("tower of powers", "time", "print(len(str(9 ** 9 ** 9)))", ("limit", "failed")),
    endless("timer that starts itself again", "time", """
        import signal
        def again(*_): signal.setitimer(signal.ITIMER_REAL, 0.0001)
        signal.signal(signal.SIGALRM, again); again()
        while True: pass
    """),
)  # fmt: skip
"""Attacks that run without end."""

MEMORY = (
    hungry("list that grows", "x = []\nwhile True: x.append(' ' * 10**6)"),
    hungry("ten gigabytes at once", "x = bytearray(10**10)"),
    hungry("string that doubles", "x = 'a'\nwhile True: x += x"),
    hungry("mapping of ten gigabytes", "import mmap; m = mmap.mmap(-1, 10**10); m[::4096]"),
    hungry("number of 12 gigabytes", "x = 1 << 10**11"),
    hungry("recursion", "def f(): return f()\nf()"),
    hungry("recursion without a limit", """
        import sys
        sys.setrecursionlimit(10**9)
        class Deep:
            def __repr__(self): return repr(self)
        repr(Deep())
    """),
    hungry("cache that never forgets", "d = {}\nwhile True: d[len(d)] = object()"),
    tries("raise its own limits", "memory", """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        bytearray(2 * 10**9)
    """),
)  # fmt: skip
"""Attacks on memory."""

PROCESSES = (
    Attack("fork bomb", "processes", "import os\nwhile True: print('BREACH', os.fork())"),
    tries("fork", "processes", "if os.fork() == 0: os._exit(0)"),
    tries("shell", "processes", "assert os.system('true') == 0, 'refused'"),
    tries("subprocess", "processes", "import subprocess; subprocess.run(['/bin/true'])"),
    tries("spawn", "processes", "os.posix_spawn(sys.executable, ['python', '-c', ''], {})"),
    Attack("become another program", "processes",
           "import os, sys; os.execv(sys.executable, ['python', '-c', 'print(\"BREACH\")'])",
           ("failed",), harmless=True),
    tries("pool of workers", "processes", """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=int)
        process.start(); process.join()
    """),
    Attack("daemon that outlives it", "processes", dedent("""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.close(1); os.close(2)
                time.sleep(60)
            os._exit(0)
        print("BREACH")
    """)),
    Attack("thread bomb", "processes", dedent("""
        import threading, time
        started = 0
        try:
            while started < 300:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        except RuntimeError as error: print("held", error)
        if started >= 300: print("BREACH")
    """), harmless=True),
    native("fork by number", "processes", 57, harmless=False),
    native("vfork by number", "processes", 58, harmless=False),
    native("clone by number", "processes", 56, "17", "0", "0", "0", "0", harmless=False),
    native("clone3 by number", "processes", 435, "bytes(88)", "88", harmless=False),
)  # fmt: skip
"""Attacks that start processes."""

OUTPUT = (
    endless("output without end", "output", "while True: print('a' * 1000)"),
    endless("errors without end", "output",
             "import sys\nwhile True: print('a' * 1000, file=sys.stderr)"),
    endless("both without end", "output", """
        import os
        while True: os.write(1, b"a" * 5000); os.write(2, b"b" * 5000)
    """),
    endless("ten megabytes at once", "output", "import os; os.write(1, b'a' * 10**7)"),
)  # fmt: skip
"""Attacks that write too much."""

FILES = (
    hoards("descriptor bomb", "files", "os.dup(1)", 1000),
    hoards("pipe bomb", "files", "os.pipe()", 400),
    tries("file of ten gigabytes", "files", """
        with open("big", "wb") as file:
            for _ in range(100): file.write(bytes(10**8)); file.flush()
    """, harmless=False),
    tries("ten thousand files", "files", """
        for number in range(10_000): open(f"file{number}", "w").close()
    """, harmless=False),
    tries("temporary file", "files", "import tempfile; tempfile.NamedTemporaryFile()"),
    tries("file without a name", "files", "os.memfd_create('x')"),
    tries("shared memory", "files",
           "open('/dev/shm/paceline_attack', 'w').close(); os.remove('/dev/shm/paceline_attack')"),
    native("System V shared memory", "files", 29, "0", "4096", "0o1600", harmless=False),
    native("message queue", "files", 68, "0", "0o1600", harmless=False),
)  # fmt: skip
"""Attacks that use up descriptors and files."""

SECRETS = (
    tries("file of this user", "secrets", "print(open('@SECRET@').read())"),
    tries("the same by way of ..", "secrets", "print(open('../' * 20 + '@SECRET@').read())"),
    tries("the same through /proc", "secrets", "print(open('/proc/self/root@SECRET@').read())"),
    tries("the same through a link", "secrets",
           "os.symlink('@SECRET@', 'link')\nprint(open('link').read())", harmless=False),
    tries("list its folder", "secrets", "print(os.listdir('@FOLDER@'))"),
    tries("users of the system", "secrets", "print(open('/etc/passwd').read())"),
    tries("homes", "secrets", "os.listdir('/home')", "os.listdir('/root')"),
    tries("environment of this process", "secrets", "open('/proc/self/environ').read()"),
    tries("environment of the trainer", "secrets",
           "print(open(f'/proc/{os.getppid()}/environ').read())",
           "print(open('/proc/@VICTIM@/environ').read())"),
    tries("memory of the trainer", "secrets",
           "open(f'/proc/{os.getppid()}/mem', 'rb')", "open('/proc/@VICTIM@/maps').read()"),
    Attack("environment", "secrets", "import os; print(dict(os.environ))", ("ok",)),
    Attack("inherited descriptors", "secrets", dedent("""
        import os
        for number in range(3, 256):
            try: print("BREACH", os.read(number, 100))
            except OSError: pass
    """), ("ok",)),
    Attack("frames and objects of the runner", "secrets", dedent("""
        import gc, sys
        frame = sys._getframe()
        while frame:
            print(frame.f_code.co_name, list(frame.f_locals)[:20])
            frame = frame.f_back
        for thing in gc.get_objects():
            for inner in gc.get_referents(thing):
                if isinstance(inner, (str, bytes)) and "token-" in str(inner)[:10**4]:
                    print(str(inner)[:200].replace("token-\\"", ""))
    """), ("ok", "limit", "failed")),
    tries("the grader's file", "secrets", "print('BREACH', len(open('@GRADER@').read()))"),
    tries("devices", "secrets", "open('/dev/mem', 'rb')", "open('/dev/kmsg')",
           "open('/dev/null', 'w')"),
    tries("the kernel's tables", "secrets", "os.listdir('/sys')", "open('/proc/mounts').read()"),
)  # fmt: skip
"""Attacks that read secrets."""

NETWORK = (
    tries("connect by TCP", "network", "socket.create_connection(('127.0.0.1', @PORT@), 1)"),
    tries("send by UDP", "network", """
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b"out", ("127.0.0.1", @UDP@))
    """),
    tries("connect to a socket in the file system", "network",
           "s = socket.socket(socket.AF_UNIX); s.connect('@UNIX@')"),
    tries("connect to an abstract socket", "network",
           "s = socket.socket(socket.AF_UNIX); s.connect('\\0@TOKENLESS@')"),
    tries("raw socket", "network", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
           "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", harmless=False),
    tries("netlink", "network", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    tries("pair of sockets", "network", "socket.socketpair()"),
    tries("listen", "network", "socket.create_server(('127.0.0.1', 0))"),
    tries("fetch a page", "network",
           "import urllib.request; urllib.request.urlopen('http://127.0.0.1:@PORT@', timeout=1)",
           harmless=False),
    native("socket by number", "network", 41, "2", "1", "0"),
    native("io_uring, which does what other calls do", "network", 425, "8", "bytes(120)"),
)  # fmt: skip
"""Attacks that use a network."""

OTHERS = (
    tries("kill its parent", "others", "os.kill(os.getppid(), 9)", harmless=False),
    tries("kill everybody", "others", "os.kill(-1, 9)", harmless=False),
    tries("kill its group", "others", "os.kill(0, 9)", harmless=False),
    tries("kill its parent's group", "others", "os.killpg(os.getpgid(os.getppid()), 9)",
           harmless=False),
    tries("kill another process", "others", "os.kill(@VICTIM@, 9)", harmless=False),
    tries("stop another process", "others", "os.kill(@VICTIM@, 19)", harmless=False),
    native("kill by thread", "others", 234, "@VICTIM@", "@VICTIM@", "9", harmless=False),
    tries("kill by descriptor", "others",
           "import signal\nsignal.pidfd_send_signal(os.pidfd_open(@VICTIM@), 9)", harmless=False),
    tries("have the kernel send the signal", "others", """
        import fcntl
        ours, theirs = os.pipe()
        fcntl.fcntl(ours, 10, 9)  # F_SETSIG
        fcntl.fcntl(ours, fcntl.F_SETOWN, @VICTIM@)
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
        os.write(theirs, b"x")
    """, harmless=False),
    native("trace its parent", "others", 101, "16", "os.getppid()", "0", "0", harmless=False),
    native("trace another process", "others", 101, "16", "@VICTIM@", "0", "0", harmless=False),
    native("read another's memory", "others", 310, "@VICTIM@", "0", "0", "0", "0", "0"),
    tries("change another's limits", "others",
           "import resource\nresource.prlimit(@VICTIM@, resource.RLIMIT_CPU, (1, 1))",
           harmless=False),
    tries("slow another down", "others", "os.setpriority(os.PRIO_PROCESS, @VICTIM@, 19)"),
    tries("move another to one core", "others", "os.sched_setaffinity(@VICTIM@, [0])"),
)  # fmt: skip
"""Attacks on other processes."""

PRIVILEGE = (
    native("namespaces of its own", "privilege", 272, "0x10000000", harmless=False),
    native("mount", "privilege", 165, "b'none'", "b'/tmp'", "b'tmpfs'", "0", "0", harmless=False),
    native("another's namespace", "privilege", 308, "0", "0", harmless=False),
    tries("another root folder", "privilege", "os.chroot('/')", harmless=False),
    tries("another user", "privilege", "os.setuid(0); os.setgroups([0])", harmless=False),
    native("kernel programs", "privilege", 321, "0", "bytes(64)", "64", harmless=False),
    native("kernel keys", "privilege", 250, "0", "-1", "1", harmless=False),
    native("performance counters", "privilege", 298, "bytes(120)", "0", "-1", "-1", "0",
            harmless=False),
    native("page faults by hand", "privilege", 323, "0", harmless=False),
    native("a filter of its own", "privilege", 317, "1", "0", "bytes(16)", harmless=False),
    native("its personality", "privilege", 135, "0x0040000"),
    native("its dumpable flag, by prctl", "privilege", 157, "4", "1", "0", "0", "0"),
)  # fmt: skip
"""Attacks that try to gain rights."""

WRITING = (
    tries("write a file", "writing", "open('@FOLDER@/new', 'w').close()"),
    tries("write into a file", "writing", "open('@FOLDER@/kept', 'r+').write('x')"),
    tries("cut a file", "writing", "os.truncate('@FOLDER@/kept', 0)"),
    tries("delete a file", "writing", "os.remove('@FOLDER@/kept')"),
    tries("rename a file", "writing", "os.rename('@FOLDER@/kept', '@FOLDER@/gone')"),
    tries("make a folder", "writing", "os.mkdir('@FOLDER@/made')"),
    tries("link a file", "writing", "os.link('@SECRET@', '@FOLDER@/link')"),
    tries("make a pipe or device", "writing", "os.mkfifo('@FOLDER@/fifo')"),
    tries("change rights", "writing", "os.chmod('@FOLDER@/kept', 0o777)"),
    tries("change the owner", "writing", "os.chown('@FOLDER@/kept', os.getuid(), os.getgid())"),
    tries("change times", "writing", "os.utime('@FOLDER@/kept', (0, 0))"),
    tries("set an attribute", "writing", "os.setxattr('@FOLDER@/kept', 'user.x', b'x')",
           harmless=False),
    tries("write beside itself", "writing", "open('left', 'w').close()", harmless=False),
    tries("write into Python's library", "writing", """
        place = os.path.dirname(os.__file__) + "/paceline_attack.py"
        open(place, "w").close(); os.remove(place)
    """, harmless=False),
)  # fmt: skip
"""Attacks that write where they must not."""

GRADER = (
    says("leave at once", "import os; os._exit(0)", b""),
    says("leave with a good status after an error", """
        import os
        try: 1 / 0
        finally: os._exit(0)
    """, b""),
    says("replace print", """
        import builtins, sys
        builtins.print = lambda *a: sys.stdout.write("42")
        print(7)
    """, b"42"),
    says("replace the text's equality", """
        class Always(str):
            __eq__ = lambda self, other: True
            __hash__ = str.__hash__
        print(Always("7"))
    """, b"7\n"),
    says("imitate the sign that the walls stand", "print('\\x06' * 3, end='')", b"\x06" * 3),
    says("print nothing", "", b""),
    says("control characters", "print('\\x1b[2J\\x07', end='')", b"\x1b[2J\x07"),
    says("bytes that are no text", "import os; os.write(1, b'\\xff\\xfe42')", b"\xff\xfe42"),
    says("pretend to lack memory", """
        import os
        os.write(2, b"MemoryError"); os._exit(1)
    """, b"", "limit", "failed"),
    says("pretend that a signal came", "import os; os._exit(137)", b"", "limit", "failed"),
    says("many answers", "print('\\n'.join(map(str, range(1000))))",
          "".join(f"{n}\n" for n in range(1000)).encode()),
    says("ask for input that is not there", "input()", b"", "failed"),
    says("leave its input unread", "print(1)", b"1\n", stdin="x" * 10**6),
    says("zero bytes in the code", "print(1)\0", b"", "failed"),
    says("a text that cannot be encoded", "print(len('\ud800'))", b"", "failed"),
    says("another encoding of the code", "# coding: utf-7\nprint(1)", b"1\n", "ok", "failed"),
)  # fmt: skip
"""Attacks on the comparison of outputs."""

STREAMS = (
    endless("close the outputs and loop", "streams", """
        import os
        os.close(1); os.close(2)
        while True: pass
    """),
    endless("close everything and loop", "streams",
             "import os; os.closerange(0, 256)\nwhile True: pass"),
    endless("outputs onto the input", "streams", """
        import os
        os.dup2(0, 1); os.dup2(0, 2)
        while True: pass
    """),
    Attack("close the input", "streams", "import os; os.close(0); print(1)", ("ok",)),
    Attack("errors onto the output", "streams", dedent("""
        import os
        os.dup2(1, 2); os.write(2, b"both")
    """), ("ok",), lambda result: result.stdout == b"both"),
)  # fmt: skip
"""Attacks on the standard streams."""

COMPILING = (
    Attack("brackets without end", "compiling", "(" * 200_000, ("failed", "limit")),
    Attack("signs without end", "compiling", "-" * 200_000 + "1", ("failed", "limit")),
    Attack("digits without end", "compiling", "x = " + "9" * 10**6, ("failed", "limit")),
    Attack("constant that folds to a gigabyte", "compiling", "x = 'a' * 10**9 * 10",
           ("failed", "limit")),
    Attack("branches without end", "compiling", "x = " + "1 if x else " * 100_000 + "0",
           ("failed", "limit")),
    Attack("five megabytes of code", "compiling", "x = 1\n" * 800_000, ("ok", "failed", "limit")),
)  # fmt: skip
"""Attacks on the compiler."""

NATIVE = (
    Attack("read address 0", "native", "import ctypes; ctypes.string_at(0)", ("failed",),
           harmless=True),
    tries("the C library's system()", "native", "assert libc.system(b'true') == 0, 'refused'"),
    Attack("system calls of another kind", "native",
           "import ctypes\nprint('BREACH' if ctypes.CDLL(None).syscall(0x40000027) > 0 else '')",
           ("ok", "failed")),
    Attack("machine code that calls as 32 bits did", "native", dedent("""
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")  # getpid(), the old way
        call = ctypes.CFUNCTYPE(ctypes.c_int)(
            ctypes.addressof(ctypes.c_char.from_buffer(page)))
        print("BREACH" if call() > 0 else "")
    """), ("ok", "failed")),
)  # fmt: skip
"""Attacks with native code."""

ATTACKS: tuple[Attack, ...] = (
    *TIME, *MEMORY, *PROCESSES, *OUTPUT, *FILES, *SECRETS, *NETWORK, *OTHERS, *PRIVILEGE, *WRITING,
    *GRADER, *STREAMS, *COMPILING, *NATIVE,
)  # fmt: skip
"""All attacks."""
