import assert from 'node:assert/strict';
import { after } from 'node:test';
import { silentLog } from '@reeve/kit';
import { describeDriver } from './conformance.ts';
import { describeShell, systemPrograms } from './shell-conformance.ts';
import { openSandbox } from './open.ts';
import { dockerHost, dockerSettings, noDocker } from './docker-conformance.ts';

const sandbox = dockerHost === undefined ? undefined : await openSandbox(await dockerSettings(dockerHost), silentLog);
await sandbox?.whenProbed();
after(() => sandbox?.[Symbol.asyncDispose]());
assert.equal(sandbox?.unavailable('bash'), undefined);
const driver = sandbox?.drivers.get('docker');

for (const language of driver?.languages ?? []) describeDriver(driver!, language, systemPrograms[language]!);
describeShell('docker', driver, noDocker);
