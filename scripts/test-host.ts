// The process that test-process.ts starts: it runs the test files that it is sent, one after the other. After each that shares
// the process it checks that the file left the process as it found it. The module that its argument names opens before that what
// all of them share.
import { join } from 'node:path';
import { mock, suite } from 'node:test';
import { pathToFileURL } from 'node:url';
import { findTraces, readState, resetState } from './process-state.ts';
import { files } from './test-events.ts';

/** What the runner sends. */
export interface HostRequest {
  file: string;
  /** It is the only one of its process, whose end tells what it left open. */
  isAlone: boolean;
}

/** The answer, once every event of the file has been written. */
export interface HostReply {
  /** How the file left the process other than it found it; empty on a file that cleans up. */
  traces: string[];
  /** Memory of the process, in bytes. */
  memoryBytes: number;
}

const setup = process.argv[2];
const ready = setup === undefined ? undefined : import(pathToFileURL(setup).href);

process.on('message', (request: HostRequest) => void runFile(request).then((reply) => process.send?.(reply)));

async function runFile({ file, isAlone }: HostRequest): Promise<HostReply> {
  await ready;
  const ended = new Promise<void>((resolve) => files.once('ended', resolve));
  let before = readState();
  void suite(file, async () => {
    before = readState();
    await import(pathToFileURL(join(import.meta.dirname, '..', file)).href);
  });
  await ended;
  const memoryBytes = process.memoryUsage().rss;
  if (isAlone) return { traces: [], memoryBytes };
  mock.reset();
  const traces = await findTraces(before);
  resetState(before);
  return { traces, memoryBytes };
}
