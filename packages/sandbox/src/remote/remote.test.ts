import { tmpdir } from 'node:os';
import { after } from 'node:test';
import { silentLog } from '@reeve/kit';
import { describeDriver } from '../../test/conformance.ts';
import { openSandbox } from '../open.ts';
import { openRemoteTestSandbox } from '../../test/remote-conformance.ts';
import { describeShell, systemPrograms } from '../../test/shell-conformance.ts';

const sandbox = await openSandbox({ sandboxBackend: 'bubblewrap' }, silentLog);
await sandbox.whenProbed();
const place = await openRemoteTestSandbox(sandbox, tmpdir());
after(async () => {
  await place[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});
const skip = sandbox.unavailable('bash') ?? false;

for (const language of sandbox.drivers.get('bubblewrap')?.languages ?? [])
  describeDriver(place.driver, language, systemPrograms[language]!);
describeShell('another process', place.driver, skip);
