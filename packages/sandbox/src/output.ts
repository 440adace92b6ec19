import type { Duplex } from 'node:stream';
import type { ExecRequest, OutputStream } from './sandbox.ts';

/** Collects the two output streams of a program up to a common limit in bytes. */
export interface OutputCapture {
  /** Keeps what still fits; false where something was dropped. */
  add(stream: OutputStream, chunk: Buffer): boolean;
  read(): { stdout: string; stderr: string; truncated: boolean };
}

/**
 * A capture that takes the first `maxBytes`, keeps them where it shall (else what standard error began with, for what went wrong), and tells of them as they come. Text is UTF-8; a character cut in half at
 * the limit is left out.
 */
export function createOutputCapture(
  maxBytes: number,
  { onOutput, keepsOutput = true }: Pick<ExecRequest, 'onOutput' | 'keepsOutput'> = {},
): OutputCapture {
  const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };
  const decoders = { stdout: createDecoder(), stderr: createDecoder() };
  let left = maxBytes;
  let truncated = false;
  return {
    add(stream, chunk) {
      if (chunk.length > left) truncated = true;
      const kept = chunk.subarray(0, left);
      left -= kept.length;
      const isKept = keepsOutput || (stream === 'stderr' && maxBytes - left <= BEGINNING_BYTES);
      if (isKept && kept.length > 0) chunks[stream].push(kept);
      if (onOutput !== undefined) {
        const text = decoders[stream].decode(kept, { stream: true });
        if (text !== '') onOutput(stream, text);
      }
      return !truncated;
    },
    read: () => ({ stdout: decode(chunks.stdout, truncated), stderr: decode(chunks.stderr, truncated), truncated }),
  };
}

/** Collects what comes on a stream; beyond the limit nothing is kept, and the other side cannot go on. */
export function readUpTo(stream: Duplex, maxBytes: number): () => string | undefined {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else stream.destroy();
    })
    .on('error', () => undefined);
  return () => (bytes > maxBytes ? undefined : Buffer.concat(chunks).toString());
}

/** Of standard error, where output is not kept. */
const BEGINNING_BYTES = 4_096;

function decode(chunks: readonly Buffer[], truncated: boolean): string {
  return createDecoder().decode(Buffer.concat(chunks), { stream: truncated });
}

function createDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { ignoreBOM: true });
}
