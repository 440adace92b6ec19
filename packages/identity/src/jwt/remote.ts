import { ReeveError } from '@reeve/kit';

/** How long another server may take for its whole answer, in milliseconds. */
export const REMOTE_MS = 5_000;
/** Longest answer that is read, in bytes. */
const MOST_BYTES = 1024 * 1024;

/** A request to a server that the configuration names. */
export interface RemoteRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * What it answers, whatever the status; redirects are not followed. Throws `unavailable` where it does not answer in time,
 * or without end.
 */
export async function askRemote(
  name: string,
  url: string,
  { method, headers, body }: RemoteRequest,
): Promise<{ status: number; text: string }> {
  try {
    const signal = AbortSignal.timeout(REMOTE_MS);
    const { request } = await import('undici');
    const answer = await request(url, { method, headers, body: body ?? null, signal });
    let text = '';
    let bytes = 0;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new ReeveError('unavailable', `${name} answers more than 1 MiB`);
      text += decoder.decode(chunk, { stream: true });
    }
    return { status: answer.statusCode, text: text + decoder.decode() };
  } catch (error) {
    if (error instanceof ReeveError) throw error;
    throw new ReeveError('unavailable', `${name} does not answer at the moment; try again`, {
      cause: error,
      retryAfterMs: 1_000,
    });
  }
}
