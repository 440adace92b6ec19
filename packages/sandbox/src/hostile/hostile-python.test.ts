import assert from 'node:assert/strict';
import { listInside } from '../files/files.ts';
import { describeHostile, outliving } from '../../test/hostile-conformance.ts';

const MIB = 1024 * 1024;

/** Makes system calls by their numbers; each that works is an escape. */
const syscalls = (calls: string): string => `
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
def call(name, x64, arm64, *arguments):
    number = arm64 if arm else x64
    if number is None: return
    if libc.syscall(number, *arguments) >= 0: print("ESCAPED", name)
    else: print(name, errno.errorcode[ctypes.get_errno()])
${calls}
print("END")`;

/** Tries each of several things; one that works is an escape. */
const attempts = (lines: readonly string[]): string => `
import ctypes, fcntl, mmap, os, resource, signal, socket, sys, time
def attempt(name, work):
    try: print("ESCAPED", name, work())
    except (OSError, ValueError) as error: print(name, error)
${lines.join('\n')}
print("END")`;

describeHostile('hostile Python programs', 'python', [
  // What they may read.
  {
    tries: 'to find secrets in all memory that it can read',
    code: `
import os, re
word = ("sk-pla" + "nted").encode()
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    for name in ("environ", "cmdline", "maps", "auxv"):
        try:
            if word in open(f"/proc/{pid}/{name}", "rb").read(): print("ESCAPED", pid, name)
        except OSError: pass
    if int(pid) == os.getpid(): continue
    try:
        memory = open(f"/proc/{pid}/mem", "rb")
        for line in open(f"/proc/{pid}/maps"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            memory.seek(start)
            if word in memory.read(min(end - start, 1 << 24)): print("ESCAPED", pid, line)
    except (OSError, ValueError, OverflowError): pass
print("END")`,
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to look into other processes and to write to their memory',
    code: syscalls(`
pid = os.fork()
if pid == 0:
    import time; time.sleep(5); os._exit(0)
for target in (1, os.getppid(), pid):
    call("ptrace attach", 101, 117, 16, target, 0, 0)
    call("process_vm_readv", 310, 270, target, 0, 0, 0, 0, 0)
    call("process_vm_writev", 311, 271, target, 0, 0, 0, 0, 0)
    call("kcmp", 312, 272, os.getpid(), target, 0, 0, 0)
call("pidfd_getfd", 438, 438, 0, 0, 0)
os.kill(pid, 9)
`),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to make its first process forget to die with bubblewrap',
    code: outliving('time.sleep(600)'),
    timeoutMs: 1_000,
    ends: 'time',
  },
  {
    tries: 'to make its first process forget, and to end',
    code: outliving('os._exit(0)'),
    timeoutMs: 1_000,
    ends: ['time', 'success'],
  },
  {
    tries: 'system calls with a record of escapes',
    code: syscalls(`
call("bpf", 321, 280, 0, 0, 0)
call("io_uring_setup", 425, 425, 8, 0)
call("perf_event_open", 298, 241, 0, 0, -1, -1, 0)
call("userfaultfd", 323, 282, 0)
call("open_by_handle_at", 304, 265, 0, 0, 0)
call("kexec_load", 246, 104, 0, 0, 0, 0)
call("init_module", 175, 105, 0, 0, 0)
call("modify_ldt", 154, None, 0, 0, 0)
call("iopl", 172, None, 3)
call("personality", 135, 92, 0x0040000)
call("reboot", 169, 142, 0, 0, 0, 0)
call("swapon", 167, 224, b"/workspace/x", 0)
call("acct", 163, 89, b"/workspace/x")
call("quotactl", 179, 60, 0, 0, 0, 0)
call("not there yet", 600, 600)`),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'the keys of the kernel',
    code: syscalls(`
call("keyctl get", 250, 219, 0, -3, 0)
call("keyctl join session", 250, 219, 1, 0)
call("keyctl describe", 250, 219, 6, -5, 0, 0)
call("add_key", 248, 217, b"user", b"x", b"y", 1, -4)
call("request_key", 249, 218, b"user", b"x", 0, -4)
try:
    if open("/proc/keys").read(): print("keys are empty names only")
except OSError: pass`),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'namespaces, mounts and roots by system calls',
    code: syscalls(`
for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x08000000, 0x02000000, 0x04000000):
    call(f"unshare {flag:x}", 272, 97, flag)
    call(f"clone {flag:x}", 56, 220, flag | 17, 0, 0, 0, 0)
call("clone3", 435, 435, 0, 0)
call("setns", 308, 268, 0, 0)
call("mount", 165, 40, b"none", b"/tmp", b"tmpfs", 0, 0)
call("umount2", 166, 39, b"/workspace", 2)
call("open_tree", 428, 428, -100, b"/", 1)
call("move_mount", 429, 429, -1, b"", -100, b"/tmp", 4)
call("fsopen", 430, 430, b"tmpfs", 0)
call("mount_setattr", 442, 442, -100, b"/usr", 0, 0, 0)
call("pivot_root", 155, 41, b"/workspace", b"/workspace")
call("chroot", 161, 51, b"/workspace")`),
    ends: 'success',
    says: /END/,
  },
  // The network.
  {
    tries: 'sockets of other families, and raw ones',
    code: attempts([
      'for family, kind, protocol in ((40, 1, 0), (17, 3, 0), (38, 5, 0), (2, 3, 1), (10, 3, 58), (16, 3, 12), (16, 3, 9), (29, 3, 1), (31, 5, 0), (44, 3, 0)):',
      '    attempt(family, lambda: socket.socket(family, kind, protocol))',
    ]),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'servers of the host, by address, by name and by abstract socket',
    code: ({ port, directory, abstractSocket }) =>
      attempts([
        `for address in (("127.0.0.1", ${port}), ("::1", ${port}), ("169.254.169.254", 80), ("fd00:ec2::254", 80), ("172.17.0.1", 2375), ("1.1.1.1", 53)):`,
        '    attempt(address, lambda: socket.create_connection(address, 1))',
        'attempt("udp", lambda: socket.socket(2, 2).sendto(b"x", ("8.8.8.8", 53)))',
        'attempt("name", lambda: socket.getaddrinfo("example.com", 80))',
        `attempt("path", lambda: socket.socket(1).connect(${JSON.stringify(`${directory}/host.sock`)}))`,
        `attempt("abstract", lambda: socket.socket(1).connect("\\0" + ${JSON.stringify(abstractSocket.slice(1))}))`,
      ]),
    ends: 'success',
    says: /END/,
  },
  // Rights.
  {
    tries: 'higher limits, a better place at the processor, another clock',
    code: attempts([
      'for name in ("NPROC", "AS", "FSIZE", "NOFILE", "CPU"):',
      '    which = getattr(resource, "RLIMIT_" + name)',
      '    attempt(name, lambda: resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))',
      'attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))',
      'attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))',
      'attempt("clock", lambda: time.clock_settime(time.CLOCK_REALTIME, 0))',
      'attempt("oom", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000"))',
      'attempt("uid", lambda: os.setuid(0))',
      'attempt("groups", lambda: os.setgroups([0]))',
    ]),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to type into the terminal of whoever started Reeve',
    code: attempts([
      'for path in ("/dev/tty", "/dev/console", "/proc/1/fd/0", "/dev/stdin"):',
      '    attempt(path, lambda: fcntl.ioctl(os.open(path, os.O_RDWR), 0x5412, b"x"))',
      'for fd in (0, 1, 2): attempt(fd, lambda: fcntl.ioctl(fd, 0x5412, b"x"))',
    ]),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to stop or kill its parent and its group',
    code: `
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for pid in (1, os.getppid()):
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
os.killpg(0, signal.SIGTERM)
print("END")`,
    ends: 'success',
    says: /END/,
  },
  // Processes.
  {
    tries: 'to fork without end',
    code: `
import os, time
for made in range(5000):
    try:
        if os.fork() == 0: time.sleep(30); os._exit(0)
    except OSError as error: print("stopped after", made, error); break
else: print("ESCAPED")`,
    ends: 'success',
    says: /stopped after [1-6]?\d /,
  },
  {
    tries: 'threads without end',
    code: `
import threading, time, os
made = 0
try:
    while made < 5000: threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); made += 1
    print("ESCAPED")
except RuntimeError as error: print("stopped after", made, error, flush=True)
os._exit(0)`,
    ends: 'success',
    says: /stopped after [1-6]?\d /,
  },
  {
    tries: 'children that hide their processor time by not being waited for',
    code: `
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            for _ in range(3_000_000): pass
            os._exit(0)
    except OSError: pass`,
    request: { limits: { cpuMs: 600 } },
    timeoutMs: 4_000,
    ends: ['cpu', 'time'],
  },
  {
    tries: 'the dead that nobody buries',
    code: `
import os, time
for made in range(500):
    try:
        if os.fork() == 0: os._exit(0)
    except OSError: print("stopped after", made); break
time.sleep(0.2)
print("END")`,
    ends: 'success',
    says: /stopped after \d+\nEND/,
  },
  // Memory.
  {
    tries: 'eight gigabytes at once',
    code: 'b = bytearray(8 << 30)\nprint("ESCAPED")',
    ends: 'error',
    says: /MemoryError/,
  },
  {
    tries: 'memory bit by bit',
    code: 'held = []\nwhile True: held.append(bytearray(b"x" * (1 << 20)))',
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: 'memory',
  },
  {
    tries: 'memory in many processes, each within its own limit',
    code: `
import os, time
for _ in range(12):
    if os.fork() == 0:
        held = bytearray(b"x" * (100 << 20)); time.sleep(30); os._exit(0)
time.sleep(10)
print("ESCAPED")`,
    request: { limits: { memoryBytes: 512 * MIB } },
    ends: 'memory',
  },
  {
    tries: 'memory that processes share',
    code: `
import mmap, os, time
try: mmap.mmap(-1, 8 << 30); print("ESCAPED")
except OSError as error: print(error)
held = mmap.mmap(-1, 600 << 20)
for at in range(0, 600 << 20, 4096): held[at] = 1
time.sleep(5)
print("ESCAPED")`,
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: 'memory',
  },
  {
    tries: 'memory that no process has: memfd, System V, message queues',
    code: syscalls(`
call("memfd_create", 319, 279, b"x", 0)
call("memfd_secret", 447, 447, 0)
call("shmget", 29, 194, 0, 1 << 30, 0o1600)
call("semget", 64, 190, 0, 1, 0o1600)
call("msgget", 68, 186, 0, 0o1600)
call("mq_open", 240, 180, b"x", 0o102, 0o600, 0)`),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'a small shared thing that is shared by all, which is no breach',
    code: `
import mmap, os, time
held = mmap.mmap(-1, 64 << 20)
for at in range(0, 64 << 20, 4096): held[at] = 1
children = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        total = sum(held[at] for at in range(0, 64 << 20, 4096)); time.sleep(0.6); os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
print("END")`,
    request: { limits: { memoryBytes: 400 * MIB } },
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'memory of the kernel in pipes and sockets',
    code: `
import fcntl, os, socket
held, taken = [], 0
try:
    while True:
        for read, write in (os.pipe(), [s.detach() for s in socket.socketpair()]):
            held += (read, write); os.set_blocking(write, False)
            try: fcntl.fcntl(write, 1031, 1 << 20)
            except OSError: pass
            try:
                while True: taken += os.write(write, b"x" * 65536)
            except BlockingIOError: pass
except OSError as error: print("stopped", taken >> 20, "MiB", error)`,
    ends: 'success',
    says: /stopped \d{1,3} MiB/,
  },
  {
    tries: 'descriptors without end',
    code: 'import os\ntry:\n  while True: os.pipe()\nexcept OSError as error: print("stopped", error)',
    ends: 'success',
    says: /stopped/,
  },
  // Bombs.
  { tries: 'a line without end', code: 'import sys\nwhile True: sys.stdout.write("A" * 65536)', ends: 'output' },
  { tries: 'a bomb in JSON', code: 'import json\njson.loads("[" * 1_000_000)', ends: 'error', says: /RecursionError/ },
  {
    tries: 'a bomb in a regular expression',
    code: 'import re\nre.match("(a+)+$", "a" * 64 + "b")',
    timeoutMs: 600,
    ends: 'time',
  },
  {
    tries: 'a number that takes for ever',
    code: 'x = 7 ** (7 ** 12)\nprint("ESCAPED")',
    timeoutMs: 800,
    ends: ['time', 'error'],
  },
  {
    tries: 'a bomb in a compressed file',
    code: `
import zlib
packer = zlib.compressobj(1)
packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(32)) + packer.flush()
print(len(packed), flush=True)
zlib.decompress(packed)
print("ESCAPED")`,
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: ['memory', 'error'],
  },
  {
    tries: 'an archive with links and names that lead outside',
    code: `
import io, os, tarfile, zipfile
with tarfile.open("a.tar", "w") as tar:
    link = tarfile.TarInfo("up"); link.type = tarfile.SYMTYPE; link.linkname = "../../../../etc"; tar.addfile(link)
    for name in ("up/planted", "../planted", "/etc/planted"):
        file = tarfile.TarInfo(name); file.size = 1; tar.addfile(file, io.BytesIO(b"x"))
with zipfile.ZipFile("a.zip", "w") as archive: archive.writestr("../../planted", "x")
tar = tarfile.open("a.tar")
for member in tar.getmembers():
    try: tar.extract(member, filter="fully_trusted")
    except (OSError, TypeError) as error: print(member.name, error)
try: open("/planted", "w"); print("ESCAPED")
except OSError: pass
print(os.listdir("/"), "END")`,
    ends: 'success',
    says: /END/,
    never: /ESCAPED|planted'/,
  },
  {
    tries: 'directories nested more deeply than a path can say',
    code: `
import os
for depth in range(3000):
    os.mkdir("d"); os.chdir("d")
open("treasure", "w").write("x")
print("END")`,
    // So much that nobody looks how deep they are. Another process grants less: there, files of others may cause a
    // look, and what is too deep counts as too many files.
    request: { limits: { files: 1_000_000, diskBytes: 1024 * 1024 * MIB } },
    ends: ['success', 'files'],
    leaves: async (result, workspace) => {
      if (result.status === 'success') assert.equal(result.stdout, 'END\n');
      await listInside(workspace, { maxEntries: 10_000, signal: new AbortController().signal });
    },
  },
  {
    tries: 'to fill the disk with files of which only a page is mapped',
    code: `
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
for number in range(60):
    fd = os.open("f", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 8 << 20)
    libc.mmap(None, 4096, 3, 1, fd, 0)
    os.close(fd); os.unlink("f")
time.sleep(2)
print("ESCAPED")`,
    request: { limits: { diskBytes: 64 * MIB } },
    ends: 'disk',
  },
  {
    tries: 'to fill the disk at a depth where nobody looks',
    code: `
import os, time
for depth in range(300):
    os.mkdir("d"); os.chdir("d")
for number in range(100): open(str(number), "wb").write(bytes(8 << 20))
time.sleep(3)
print("ESCAPED")`,
    request: { limits: { diskBytes: 64 * MIB } },
    ends: ['disk', 'files'],
  },
]);
