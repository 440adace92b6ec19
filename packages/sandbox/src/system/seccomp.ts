/**
 * A seccomp filter in classic BPF for `bwrap --seccomp FD`, made without libseccomp. It closes what namespaces leave
 * open: kernel interfaces with a record of escapes, AF_VSOCK (not covered by a network namespace before Linux 7.0),
 * memory that rlimits do not count, and nested namespaces. Denied calls fail with EPERM, or with ENOSYS where
 * programs fall back by themselves; a foreign instruction set is killed.
 */
export function buildSeccompFilter(arch: SeccompArch): Buffer {
  const { audit, numbers, hasX32 } = ARCHITECTURES[arch];
  const program: Instruction[] = [
    load(OFFSET_ARCH),
    jump(JEQ, audit, 1, 0),
    give(KILL),
    load(OFFSET_NUMBER),
    ...(hasX32 ? [jump(JGE, 0x4000_0000, 0, 1), give(errno(ENOSYS))] : []),
    jump(JGE, FIRST_UNKNOWN, 0, 1),
    give(errno(ENOSYS)),
    ...when(numbers.socket, socketRules()),
    ...when(numbers.clone, [load(argument(0)), jump(JSET, NEW_NAMESPACES, 0, 1), give(errno(EPERM)), give(ALLOW)]),
    ...when(numbers.ioctl, [
      load(argument(1)),
      ...TYPING.flatMap((request) => [jump(JEQ, request, 0, 1), give(errno(EPERM))]),
      give(ALLOW),
    ]),
    ...when(numbers.prctl, [load(argument(0)), jump(JEQ, PR_SET_PDEATHSIG, 0, 1), give(errno(EPERM)), give(ALLOW)]),
    ...when(numbers.personality, [
      load(argument(0)),
      jump(JEQ, 0, 1, 0),
      jump(JEQ, 0xffff_ffff, 0, 1),
      give(ALLOW),
      give(errno(EPERM)),
    ]),
    ...Object.values(numbers.absent).flatMap((number) => when(number, [give(errno(ENOSYS))])),
    ...Object.values(numbers.denied).flatMap((number) => when(number, [give(errno(EPERM))])),
    give(ALLOW),
  ];
  return encode(program);
}

/**
 * The same rules as a profile for container engines (`seccomp=<JSON>`), which speak of system calls by their names, for
 * either architecture; what the engine's own library does not know is left open. It allows what it does not name, so
 * system calls that are newer than these lists are open too. A foreign instruction set is killed by the engine.
 */
export function buildSeccompProfile(): string {
  const { x64, arm64 } = ARCHITECTURES;
  const namesOf = (which: 'absent' | 'denied') => [
    ...new Set([x64, arm64].flatMap(({ numbers }) => Object.keys(numbers[which]))),
  ];
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      refuse(namesOf('absent'), ENOSYS),
      refuse(namesOf('denied'), EPERM),
      ...refusedFamilies().map((condition) => refuse(['socket'], EAFNOSUPPORT, [condition])),
      refuse(['socket'], EAFNOSUPPORT, [lowHalf(0, NETLINK), { index: 2, value: NETLINK_ROUTE, op: 'SCMP_CMP_NE' }]),
      ...bitsOf(NEW_NAMESPACES).map((bit) => refuse(['clone'], EPERM, [masked(0, bit, bit)])),
      ...TYPING.map((request) => refuse(['ioctl'], EPERM, [lowHalf(1, request)])),
      refuse(['prctl'], EPERM, [lowHalf(0, PR_SET_PDEATHSIG)]),
      // Neither 0 nor all ones: somewhere a bit is set and the next one, going round, is not.
      ...bitsOf(0xffff_ffff).map((bit) =>
        refuse(['personality'], EPERM, [masked(0, bit + (bit === 0x8000_0000 ? 1 : bit * 2), bit)]),
      ),
    ],
  });
}

export type SeccompArch = 'x64' | 'arm64';

/** True if a filter exists for this architecture. */
export function isSeccompArch(arch: string): arch is SeccompArch {
  return Object.hasOwn(ARCHITECTURES, arch);
}

interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

const [LOAD, JEQ, JGE, JSET, RETURN] = [0x20, 0x15, 0x35, 0x45, 0x06];
const [ALLOW, KILL] = [0x7fff_0000, 0x8000_0000];
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
// struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits
const [OFFSET_NUMBER, OFFSET_ARCH, OFFSET_ARGUMENTS] = [0, 4, 16];
/** open_tree_attr and every later system call of Linux. */
const FIRST_UNKNOWN = 467;

/** CLONE_NEWTIME, NS, CGROUP, UTS, IPC, USER, PID, NET. */
const NEW_NAMESPACES = 0x7e02_0080;
/** TIOCSTI and TIOCLINUX inject input into the terminal outside. */
const TYPING = [0x5412, 0x541c];
/** The first process could be made to take back that it dies with bwrap, by writing to its memory. */
const PR_SET_PDEATHSIG = 1;
/** Unix, IPv4 and IPv6 sockets, and of netlink only the routing family, which the C library uses for addresses. */
const FAMILIES = [1, 2, 10];
const [NETLINK, NETLINK_ROUTE] = [16, 0];

interface Condition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_NE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';
}

function refuse(names: readonly string[], errnoRet: number, args: readonly Condition[] = []): object {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, args };
}

/** Matches if an argument has exactly `bits` of `mask`. */
function masked(index: number, mask: number, bits: number): Condition {
  return { index, value: mask, valueTwo: bits, op: 'SCMP_CMP_MASKED_EQ' };
}

/** Engines compare 64 bits where the kernel checks 32: higher bits must not matter. */
function lowHalf(index: number, value: number): Condition {
  return masked(index, 0xffff_ffff, value);
}

/** One condition for each family up to that of netlink that is not allowed, and one for all above. */
function refusedFamilies(): Condition[] {
  const refused = Array.from({ length: NETLINK }, (_, family) => family).filter((family) => !FAMILIES.includes(family));
  return [...refused.map((family) => lowHalf(0, family)), { index: 0, value: NETLINK, op: 'SCMP_CMP_GT' }];
}

function bitsOf(mask: number): number[] {
  return Array.from({ length: 32 }, (_, index) => 2 ** index).filter((bit) => (mask & bit) !== 0);
}

function socketRules(): Instruction[] {
  return [
    load(argument(0)),
    ...FAMILIES.flatMap((family) => [jump(JEQ, family, 0, 1), give(ALLOW)]),
    jump(JEQ, NETLINK, 0, 3),
    load(argument(2)),
    jump(JEQ, NETLINK_ROUTE, 0, 1),
    give(ALLOW),
    give(errno(EAFNOSUPPORT)),
  ];
}

/** Runs `body`, which must end in `give`, if the loaded number is `number`. */
function when(number: number, body: readonly Instruction[]): Instruction[] {
  return [jump(JEQ, number, 0, body.length), ...body];
}

function load(offset: number): Instruction {
  return { code: LOAD, ifTrue: 0, ifFalse: 0, value: offset };
}

function jump(code: number, value: number, ifTrue: number, ifFalse: number): Instruction {
  return { code, ifTrue, ifFalse, value };
}

function give(action: number): Instruction {
  return { code: RETURN, ifTrue: 0, ifFalse: 0, value: action };
}

function errno(number: number): number {
  return 0x0005_0000 | number;
}

/** Offset of the low half of an argument; every argument looked at here is 32 bits wide in the kernel. */
function argument(index: number): number {
  return OFFSET_ARGUMENTS + index * 8;
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, ifTrue, ifFalse, value }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}

interface Numbers {
  readonly socket: number;
  readonly clone: number;
  readonly ioctl: number;
  readonly personality: number;
  readonly prctl: number;
  /** Answered with ENOSYS: callers know another way. */
  readonly absent: Readonly<Record<string, number>>;
  /** Answered with EPERM. */
  readonly denied: Readonly<Record<string, number>>;
}

/** Numbers that are the same on every architecture (Linux gave out common ones from 424 on). */
const COMMON_ABSENT = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  clone3: 435,
  memfd_secret: 447,
};
const COMMON_DENIED = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
  quotactl_fd: 443,
  set_mempolicy_home_node: 450,
  statmount: 457,
  listmount: 458,
};

const ARCHITECTURES: Record<SeccompArch, { audit: number; hasX32: boolean; numbers: Numbers }> = {
  x64: {
    audit: 0xc000_003e,
    hasX32: true,
    numbers: {
      socket: 41,
      clone: 56,
      ioctl: 16,
      personality: 135,
      prctl: 157,
      absent: { ...COMMON_ABSENT, shmget: 29, shmat: 30, shmctl: 31, memfd_create: 319 },
      denied: {
        ...COMMON_DENIED,
        semget: 64,
        msgget: 68,
        ptrace: 101,
        syslog: 103,
        uselib: 134,
        ustat: 136,
        sysfs: 139,
        vhangup: 153,
        modify_ldt: 154,
        pivot_root: 155,
        _sysctl: 156,
        adjtimex: 159,
        chroot: 161,
        acct: 163,
        settimeofday: 164,
        mount: 165,
        umount2: 166,
        swapon: 167,
        swapoff: 168,
        reboot: 169,
        sethostname: 170,
        setdomainname: 171,
        iopl: 172,
        ioperm: 173,
        create_module: 174,
        init_module: 175,
        delete_module: 176,
        get_kernel_syms: 177,
        query_module: 178,
        quotactl: 179,
        nfsservctl: 180,
        lookup_dcookie: 212,
        clock_settime: 227,
        mbind: 237,
        set_mempolicy: 238,
        get_mempolicy: 239,
        mq_open: 240,
        kexec_load: 246,
        add_key: 248,
        request_key: 249,
        keyctl: 250,
        migrate_pages: 256,
        unshare: 272,
        move_pages: 279,
        perf_event_open: 298,
        fanotify_init: 300,
        name_to_handle_at: 303,
        open_by_handle_at: 304,
        clock_adjtime: 305,
        setns: 308,
        process_vm_readv: 310,
        process_vm_writev: 311,
        kcmp: 312,
        finit_module: 313,
        kexec_file_load: 320,
        bpf: 321,
        userfaultfd: 323,
      },
    },
  },
  arm64: {
    audit: 0xc000_00b7,
    hasX32: false,
    numbers: {
      socket: 198,
      clone: 220,
      ioctl: 29,
      personality: 92,
      prctl: 167,
      absent: { ...COMMON_ABSENT, shmget: 194, shmctl: 195, shmat: 196, memfd_create: 279 },
      denied: {
        ...COMMON_DENIED,
        lookup_dcookie: 18,
        umount2: 39,
        mount: 40,
        pivot_root: 41,
        nfsservctl: 42,
        chroot: 51,
        vhangup: 58,
        quotactl: 60,
        acct: 89,
        unshare: 97,
        kexec_load: 104,
        init_module: 105,
        delete_module: 106,
        clock_settime: 112,
        syslog: 116,
        ptrace: 117,
        reboot: 142,
        sethostname: 161,
        setdomainname: 162,
        settimeofday: 170,
        adjtimex: 171,
        mq_open: 180,
        msgget: 186,
        semget: 190,
        add_key: 217,
        request_key: 218,
        keyctl: 219,
        swapon: 224,
        swapoff: 225,
        mbind: 235,
        get_mempolicy: 236,
        set_mempolicy: 237,
        migrate_pages: 238,
        move_pages: 239,
        perf_event_open: 241,
        fanotify_init: 262,
        name_to_handle_at: 264,
        open_by_handle_at: 265,
        clock_adjtime: 266,
        setns: 268,
        process_vm_readv: 270,
        process_vm_writev: 271,
        kcmp: 272,
        finit_module: 273,
        bpf: 280,
        userfaultfd: 282,
        kexec_file_load: 294,
      },
    },
  },
};
