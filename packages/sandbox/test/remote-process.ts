import { tmpdir } from 'node:os';
import { silentLog } from '@reeve/kit';
import { openChannel } from '@reeve/rpc';
import { openSandbox } from '../src/open.ts';
import { createRemoteDriver } from '../src/remote/driver.ts';
import { openRemoteTestSandbox, SECRET } from './remote-conformance.ts';

// One side of a call as a process of its own, for tests that kill it: it serves, or it calls `target` with a program.
const [target, workspace, code] = process.argv.slice(2);
process.on('disconnect', () => process.exit());
if (target === undefined) {
  const sandbox = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
  const place = await openRemoteTestSandbox(sandbox, tmpdir());
  process.send!(place.target);
} else {
  const channel = openChannel({ target, tls: undefined, internalSecret: SECRET });
  const driver = createRemoteDriver({ channel, roots: { work: tmpdir() } });
  const request = { language: 'bash', code: code!, workspace: workspace!, maxOutputBytes: 1_000 } as const;
  await driver.exec({ ...request, timeoutMs: 600_000 }, new AbortController().signal);
}
