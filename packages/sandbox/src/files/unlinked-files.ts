import { readFile, readdir, stat } from 'node:fs/promises';

/**
 * Bytes of files on a device that are deleted but still open or mapped. The size of a file that is only mapped is
 * unknown, so it counts as the largest allowed. Unreadable processes count as zero. `addresses`: the /proc directories
 * of the processes.
 */
export async function unlinkedBytes(
  addresses: readonly string[],
  device: number,
  largestBytes: number,
): Promise<number> {
  const bytes = new Map<number, number>();
  for (const address of addresses) {
    const descriptors = await readdir(`${address}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const file = await stat(`${address}/fd/${descriptor}`).catch(() => undefined);
      if (file?.isFile() && file.nlink === 0 && file.dev === device) bytes.set(file.ino, file.blocks * BLOCK_BYTES);
    }
    for (const inode of await mappedAndDeleted(address, device)) if (!bytes.has(inode)) bytes.set(inode, largestBytes);
  }
  return [...bytes.values()].reduce((total, one) => total + one, 0);
}

const BLOCK_BYTES = 512;
const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+) .*\(deleted\)$/gm;

async function mappedAndDeleted(address: string, device: number): Promise<number[]> {
  const maps = await readFile(`${address}/maps`, 'latin1').catch(() => '');
  return [...maps.matchAll(MAPPING)]
    .filter(([, major, minor]) => numberOf(major!, minor!) === device)
    .map(([, , , inode]) => Number(inode));
}

/** A device as `stat` numbers it: the parts of its two numbers are interleaved. */
function numberOf(majorHex: string, minorHex: string): number {
  const [major, minor] = [majorHex, minorHex].map((hex) => Number.parseInt(hex, 16)) as [number, number];
  return (major & 0xfff) * 0x100 + (minor & 0xff) + (minor >>> 8) * 0x10_0000;
}
