import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { chown, mkdtemp, open, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ReeveError, sleep } from '@reeve/kit';
import { readUpTo } from '../output.ts';
import { isRoot, SANDBOX_UID } from '../files/workspace.ts';

/** The named pipe through which a program in a container answers, apart from its output. */
export interface AnswerPipe extends AsyncDisposable {
  /** Its path on the host. */
  readonly path: string;
  /** The answer, once all writers have closed; undefined if it exceeds the limit. */
  read(): Promise<string | undefined>;
}

/** Time to read remaining data after the container is dead. */
const DRAIN_MS = 1_000;
const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Opens a pipe for an answer of limited size. A writer that exceeds it blocks. */
export async function openAnswerPipe(maxBytes: number): Promise<AnswerPipe> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-answer-'));
  const path = join(directory, 'pipe');
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    if (isRoot()) await chown(path, SANDBOX_UID, SANDBOX_UID);
    // Our own open write end keeps the pipe from ending before a writer opens it.
    const writer = await open(path, O_RDWR | O_NONBLOCK);
    let isLeft = false;
    const leave = async () => {
      if (isLeft) return;
      isLeft = true;
      await writer.close();
    };
    stack.defer(leave);
    // A number, which is the stream's own from now on.
    const fd = openSync(path, O_RDONLY | O_NONBLOCK);
    const stream = stack.adopt(new Socket({ fd, readable: true, writable: false }), (held) => {
      held.destroy();
    });
    stream.once('close', () => void leave());
    const answer = readUpTo(stream, maxBytes);
    const parts = stack.move();
    return {
      path,
      async read() {
        await leave();
        if (!stream.closed) await Promise.race([once(stream, 'close'), sleep(DRAIN_MS)]);
        return answer();
      },
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    throw new ReeveError('unavailable', 'there is no pipe to answer on: is mkfifo there?', { cause: error });
  }
}
