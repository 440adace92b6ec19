import { readFile, readdir, stat } from 'node:fs/promises';

/**
 * Bytes of the files on a device that have lost their names but not their room, since processes have them open or
 * mapped. What of a process may not be read counts for nothing.
 */
export async function namelessBytes(pids: readonly number[], device: number): Promise<number> {
  const bytes = new Map<number, number>();
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const file = await stat(`/proc/${pid}/fd/${descriptor}`).catch(() => undefined);
      if (file?.isFile() && file.nlink === 0 && file.dev === device) bytes.set(file.ino, file.blocks * BLOCK_BYTES);
    }
    for (const { inode, length } of await mappedAndDeleted(pid, device))
      bytes.set(inode, Math.max(bytes.get(inode) ?? 0, length));
  }
  return [...bytes.values()].reduce((total, one) => total + one, 0);
}

const BLOCK_BYTES = 512;
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) \S+ [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+) .*\(deleted\)$/gm;

async function mappedAndDeleted(pid: number, device: number): Promise<{ inode: number; length: number }[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '');
  return [...maps.matchAll(MAPPING)]
    .filter(([, , , major, minor]) => numberOf(major!, minor!) === device)
    .map(([, start, end, , , inode]) => ({
      inode: Number(inode),
      length: Number.parseInt(end!, 16) - Number.parseInt(start!, 16),
    }));
}

/** A device as `stat` numbers it: the parts of its two numbers are interleaved. */
function numberOf(majorHex: string, minorHex: string): number {
  const [major, minor] = [majorHex, minorHex].map((hex) => Number.parseInt(hex, 16)) as [number, number];
  return (major & 0xfff) * 0x100 + (minor & 0xff) + (minor >>> 8) * 0x10_0000;
}
