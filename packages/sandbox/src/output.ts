/** Collects the two output streams of a program up to a common limit in bytes. */
export interface OutputCapture {
  /** Keeps what still fits; false where something was dropped. */
  add(stream: 'stdout' | 'stderr', chunk: Buffer): boolean;
  read(): { stdout: string; stderr: string; truncated: boolean };
}

/** A capture that keeps the first `maxBytes`. Text is UTF-8; a character cut in half at the limit is left out. */
export function createOutputCapture(maxBytes: number): OutputCapture {
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let left = maxBytes;
  let truncated = false;
  return {
    add(stream, chunk) {
      if (chunk.length > left) truncated = true;
      if (left > 0) chunks[stream].push(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
      return !truncated;
    },
    read: () => ({ stdout: decode(chunks.stdout, truncated), stderr: decode(chunks.stderr, truncated), truncated }),
  };
}

function decode(chunks: readonly Buffer[], truncated: boolean): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks), { stream: truncated });
}
