import type { OutputStream } from '../sandbox.ts';

/** Bytes before each piece of output: which stream, three that are empty, and how long it is. */
const HEADER_BYTES = 8;

/**
 * Takes the two output streams of a container apart as they come, in time that grows with their length alone: how
 * small the pieces are is up to the program. Returns what is to be called with what was read.
 */
export function createSplitter(onOutput: (stream: OutputStream, chunk: Buffer) => void): (read: Buffer) => void {
  let header = Buffer.alloc(0);
  let left = 0;
  return (read) => {
    for (let at = 0; at < read.length;) {
      if (left === 0) {
        const part = read.subarray(at, at + HEADER_BYTES - header.length);
        header = Buffer.concat([header, part]);
        at += part.length;
        if (header.length === HEADER_BYTES) left = header.readUInt32BE(4);
        if (left === 0 && header.length === HEADER_BYTES) header = Buffer.alloc(0);
        continue;
      }
      const part = read.subarray(at, at + left);
      at += part.length;
      left -= part.length;
      onOutput(header[0] === 2 ? 'stderr' : 'stdout', part);
      if (left === 0) header = Buffer.alloc(0);
    }
  };
}
