import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildSeccompFilter, buildSeccompProfile, isSeccompArch, type SeccompArch } from './seccomp.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;
const KILL = 0x80000000;
const X64 = 0xc000003e;
const ARM64 = 0xc00000b7;

/** Runs a filter as the kernel does. */
function judge(arch: SeccompArch, audit: number, number: number, ...args: number[]): number {
  const program = buildSeccompFilter(arch);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(audit, 4);
  for (const [index, value] of args.entries()) data.writeUInt32LE(value >>> 0, 16 + index * 8);
  for (let pc = 0, a = 0; ; pc++) {
    const at = pc * 8;
    const code = program.readUInt16LE(at);
    const k = program.readUInt32LE(at + 4);
    if (code === 0x06) return k;
    if (code === 0x20) a = data.readUInt32LE(k);
    else {
      const holds = code === 0x15 ? a === k : code === 0x35 ? a >= k : code === 0x45 ? (a & k) !== 0 : undefined;
      assert.notEqual(holds, undefined, `unknown instruction ${code}`);
      pc += program.readUInt8(at + (holds ? 2 : 3));
    }
  }
}

describe('the seccomp filter', () => {
  it('lets ordinary calls through', () => {
    for (const number of [0, 1, 9, 39, 57, 59, 231, 257, 302, 439])
      assert.equal(judge('x64', X64, number), ALLOW, String(number));
    for (const number of [56, 63, 64, 93, 172, 221, 222, 261])
      assert.equal(judge('arm64', ARM64, number), ALLOW, String(number));
  });

  it('refuses namespaces, mounts, tracing, keys, bpf and module loading', () => {
    for (const number of [272, 308, 165, 101, 310, 250, 321, 298, 323, 175, 304])
      assert.equal(judge('x64', X64, number), EPERM, String(number));
    for (const number of [97, 268, 40, 117, 270, 219, 280, 241, 282, 105, 265])
      assert.equal(judge('arm64', ARM64, number), EPERM, String(number));
  });

  it('says that io_uring, clone3, memfd, shared memory and calls newer than it knows do not exist', () => {
    for (const number of [425, 435, 319, 29, 447, 467, 600])
      assert.equal(judge('x64', X64, number), ENOSYS, String(number));
    for (const number of [425, 435, 279, 194, 447, 467, 600])
      assert.equal(judge('arm64', ARM64, number), ENOSYS, String(number));
  });

  it('allows unix and internet sockets only, and of netlink only routes', () => {
    for (const [arch, audit, socket] of [
      ['x64', X64, 41],
      ['arm64', ARM64, 198],
    ] as const) {
      for (const family of [1, 2, 10]) assert.equal(judge(arch, audit, socket, family, 1, 0), ALLOW);
      assert.equal(judge(arch, audit, socket, 16, 3, 0), ALLOW);
      assert.equal(judge(arch, audit, socket, 16, 3, 12), EAFNOSUPPORT);
      for (const family of [17, 38, 40]) assert.equal(judge(arch, audit, socket, family, 1, 0), EAFNOSUPPORT);
    }
  });

  it('allows threads and forks but no new namespaces', () => {
    assert.equal(judge('x64', X64, 56, 0x3d0f00), ALLOW);
    assert.equal(judge('x64', X64, 56, 17), ALLOW);
    for (const flag of [0x10000000, 0x20000, 0x40000000, 0x20000000, 0x80])
      assert.equal(judge('x64', X64, 56, flag | 17), EPERM);
  });

  it('refuses to type into the terminal and to change personality', () => {
    assert.equal(judge('x64', X64, 16, 0, 0x5413), ALLOW);
    assert.equal(judge('x64', X64, 16, 0, 0x5412), EPERM);
    assert.equal(judge('x64', X64, 16, 0, 0x541c), EPERM);
    assert.equal(judge('x64', X64, 135, 0xffffffff), ALLOW);
    assert.equal(judge('x64', X64, 135, 0x0040000), EPERM);
  });

  it('refuses to take back the signal that comes when the parent dies', () => {
    for (const [arch, audit, prctl] of [
      ['x64', X64, 157],
      ['arm64', ARM64, 167],
    ] as const) {
      assert.equal(judge(arch, audit, prctl, 1, 0), EPERM);
      for (const option of [2, 4, 15, 22, 38]) assert.equal(judge(arch, audit, prctl, option, 0), ALLOW);
    }
  });

  it('kills foreign instruction sets and refuses x32', () => {
    assert.equal(judge('x64', 0x40000003, 39), KILL);
    assert.equal(judge('arm64', X64, 39), KILL);
    assert.equal(judge('x64', X64, 0x40000000 + 39), ENOSYS);
  });

  it('knows which processors it is made for', () => {
    assert.deepEqual(['x64', 'arm64', 'riscv64', 'toString'].map(isSeccompArch), [true, true, false, false]);
  });
});

interface Rule {
  readonly names: readonly string[];
  readonly errnoRet: number;
  readonly args: readonly { index: number; value: number; valueTwo?: number; op: string }[];
}

/** Applies the profile for engines as libseccomp does: 64 bits, all conditions of a rule. */
function judgeByName(name: string, ...args: bigint[]): number {
  const { syscalls } = JSON.parse(buildSeccompProfile()) as { syscalls: Rule[] };
  const rule = syscalls.find(
    ({ names, args: conditions }) =>
      names.includes(name) &&
      conditions.every(({ index, value, valueTwo = 0, op }) => {
        const given = args[index] ?? 0n;
        if (op === 'SCMP_CMP_MASKED_EQ') return (given & BigInt(value)) === BigInt(valueTwo);
        if (op === 'SCMP_CMP_GT') return given > BigInt(value);
        assert.equal(op, 'SCMP_CMP_NE');
        return given !== BigInt(value);
      }),
  );
  return rule === undefined ? ALLOW : 0x00050000 | rule.errnoRet;
}

describe('the seccomp profile for engines', () => {
  const numbers = { socket: 41, clone: 56, ioctl: 16, prctl: 157, personality: 135 };
  const ordinary = [...Array(64).keys(), 0x5412, 0x5413, 0x541c, 0xffff_ffff, 0x0004_0000, 0x0002_0000, 0x3d_0f00];
  const values = [...ordinary, ...Array.from({ length: 32 }, (_, bit) => 2 ** bit)];

  it('decides as the filter does, whatever the arguments', () => {
    for (const [name, number] of Object.entries(numbers)) {
      for (const [index, value] of values.entries()) {
        const args = [value, values[(index * 7) % values.length]!, value % 3];
        assert.equal(
          judgeByName(name, ...args.map(BigInt)),
          judge('x64', X64, number, ...args),
          `${name}(${args.join()})`,
        );
      }
    }
  });

  it('is not deceived by bits that the kernel does not look at', () => {
    const high = 1n << 40n;
    assert.equal(judgeByName('ioctl', 0n, high | 0x5412n), EPERM);
    assert.equal(judgeByName('prctl', high | 1n), EPERM);
    assert.equal(judgeByName('clone', high | 0x1000_0000n), EPERM);
    assert.equal(judgeByName('personality', high | 0x4_0000n), EPERM);
    for (const family of [1n, 16n, 40n]) assert.equal(judgeByName('socket', high | family), EAFNOSUPPORT);
  });

  it('names what the filter refuses by number', () => {
    for (const name of ['unshare', 'mount', 'ptrace', 'keyctl', 'bpf', 'init_module', 'open_by_handle_at'])
      assert.equal(judgeByName(name), EPERM, name);
    for (const name of ['io_uring_setup', 'clone3', 'memfd_create', 'shmget'])
      assert.equal(judgeByName(name), ENOSYS, name);
    for (const name of ['read', 'write', 'openat', 'execve', 'futex']) assert.equal(judgeByName(name), ALLOW, name);
  });
});
