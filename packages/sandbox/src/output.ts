import type { Duplex, Readable } from 'node:stream';
import { sleep } from '@reeve/kit';
import type { ExecRequest, OutputStream } from './sandbox.ts';

/** Collects the two output streams of a program up to a common limit in bytes. */
export interface OutputCapture {
  /** Keeps what fits; false if output was dropped. */
  add(stream: OutputStream, chunk: Buffer): boolean;
  /** Pending while an output listener asks to wait; else undefined. */
  held(): Promise<void> | undefined;
  read(): { stdout: string; stderr: string; truncated: boolean };
}

/**
 * Captures the first `maxBytes`, passes them to `onOutput` as they come and keeps them (without `keepsOutput` only the
 * beginning of standard error, for error messages). Text is UTF-8; a character cut in half at the limit is dropped.
 */
export function createOutputCapture(
  maxBytes: number,
  { onOutput, keepsOutput = true }: Pick<ExecRequest, 'onOutput' | 'keepsOutput'> = {},
): OutputCapture {
  const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };
  const decoders = { stdout: createDecoder(), stderr: createDecoder() };
  let left = maxBytes;
  let truncated = false;
  let held: Promise<void> | undefined;
  const hold = (asked: Promise<void>) => {
    const all = Promise.all([held, asked]).then(
      () => void (held === all && (held = undefined)),
      () => undefined,
    );
    held = all;
  };
  return {
    add(stream, chunk) {
      if (chunk.length > left) truncated = true;
      const kept = chunk.subarray(0, left);
      left -= kept.length;
      const isKept = keepsOutput || (stream === 'stderr' && maxBytes - left <= BEGINNING_BYTES);
      if (isKept && kept.length > 0) chunks[stream].push(kept);
      if (onOutput !== undefined) {
        const text = decoders[stream].decode(kept, { stream: true });
        const asked = text === '' ? undefined : onOutput(stream, text);
        if (asked !== undefined) hold(asked);
      }
      return !truncated;
    },
    held: () => held,
    read: () => ({ stdout: decode(chunks.stdout, truncated), stderr: decode(chunks.stderr, truncated), truncated }),
  };
}

/** Reads no more of a stream while its output is held. */
export function pauseWhileHeld(stream: Readable, output: OutputCapture): void {
  const held = output.held();
  if (held === undefined) return;
  stream.pause();
  void held.then(() => stream.resume());
}

/** Resolves when remaining output has been delivered, after a bounded wait, or when `over` aborts. */
export async function untilTold(output: OutputCapture, drainMs: number, over: AbortSignal): Promise<void> {
  const late = AbortSignal.any([over, AbortSignal.timeout(HELD_MS)]);
  do {
    await Promise.race([output.held(), sleep(HELD_MS, late)]);
    await sleep(drainMs, late);
  } while (output.held() !== undefined && !late.aborted);
}

/** Collects a stream up to a limit; beyond it nothing is kept and the stream is destroyed. */
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

/** How long the output of a program that is dead may be held. */
const HELD_MS = 30_000;
/** Of standard error, where output is not kept. */
const BEGINNING_BYTES = 4_096;

function decode(chunks: readonly Buffer[], truncated: boolean): string {
  return createDecoder().decode(Buffer.concat(chunks), { stream: truncated });
}

function createDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { ignoreBOM: true });
}
