import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { describeDriver } from '../../test/conformance.ts';
import { dockerHost, dockerSettings, noDocker } from '../../test/docker-conformance.ts';
import { connectTo, findEngine } from './engine.ts';
import { labelsOf, removeLeftovers } from './leftovers.ts';
import { processesIn } from '../../test/hostile-conformance.ts';
import { openSandbox, type Sandbox } from '../open.ts';
import type { ExecRequest } from '../sandbox.ts';
import { describeShell, systemPrograms } from '../../test/shell-conformance.ts';
import { isRoot } from '../files/workspace.ts';

const settings = dockerHost === undefined ? undefined : await dockerSettings(dockerHost);
const sandbox = settings && (await openSandbox(settings, silentLog));
await sandbox?.whenProbed();
after(() => sandbox?.[Symbol.asyncDispose]());
assert.equal(sandbox?.unavailable('bash'), undefined);
const driver = sandbox?.drivers.get('docker');
const docker = dockerHost === undefined ? undefined : await connectTo(dockerHost);
const image = settings?.sandboxDockerImage ?? '';

for (const language of driver?.languages ?? []) describeDriver(driver!, language, systemPrograms[language]!);
describeShell('docker', driver, noDocker);

it('says that no engine answers, and how to name one', async () => {
  await using without = await openSandbox(
    { sandboxBackend: 'docker', dockerHost: 'unix:///nowhere/docker.sock', sandboxDockerImage: 'node:24' },
    silentLog,
  );
  await without.whenProbed();
  const why = /no Docker engine answers at unix:\/\/\/nowhere\/docker.sock \(.*ENOENT.*DOCKER_HOST/;
  assert.match(without.unavailable('bash')!, why);
  assert.equal(without.status().status, 'degraded');
  assert.match(rowOf(without, 'docker').reason!, why);
  assert.match(rowOf(without, 'bubblewrap').reason!, /SANDBOX_BACKEND is docker/);
  await assert.rejects(without.exec(request(tmpdir(), 'true'), new AbortController().signal), {
    reason: 'unavailable',
    message: why,
  });
});

it('asks no engine at an address that it cannot use', async () => {
  for (const host of ['ssh://somebody@somewhere', 'npipe:////./pipe/docker_engine', 'nonsense', 'unix://relative'])
    assert.match(await reasonAgainst(host, 'node:24'), /only unix:\/\/\/path/);
});

it('refuses an engine that does not hold programs to their limits', async () => {
  const whole = {
    OSType: 'linux',
    NCPU: 2,
    ...{ MemoryLimit: true, PidsLimit: true, CpuCfsQuota: true },
    SecurityOptions: ['name=apparmor', 'name=seccomp,profile=default'],
  };
  for (const [lack, why] of [
    [{ MemoryLimit: false, PidsLimit: false }, /no limit on memory; it has no limit on processes$/],
    [{ CpuCfsQuota: false }, /no limit on processors$/],
    [{ SecurityOptions: ['name=apparmor'] }, /no seccomp$/],
    [{ SecurityOptions: [...whole.SecurityOptions, 'name=rootless'] }, /maps users/],
    [{ SecurityOptions: [...whole.SecurityOptions, 'name=userns'] }, /maps users/],
    [{ OSType: 'windows' }, /no Linux/],
    [{}, /has no image node:24/],
  ] as const) {
    await using engine = await startFakeEngine({ ...whole, ...lack });
    assert.match(await reasonAgainst(engine.host, 'node:24'), why);
  }
});

describe('the Docker driver', { skip: noDocker }, () => {
  let workspace: string;
  before(async () => void (workspace = await mkdtemp(join(tmpdir(), 'reeve-docker-'))));
  after(() => rm(workspace, { recursive: true }));

  it('says which image is missing, and how to get it', async () => {
    assert.match(
      await reasonAgainst(dockerHost!, 'reeve-test:nowhere'),
      /has no image reeve-test:nowhere; get it with "docker pull reeve-test:nowhere"/,
    );
  });

  it('refuses an image that would give programs room without limit', async () => {
    await using changed = await imageWith('VOLUME /data');
    assert.match(await reasonAgainst(dockerHost!, changed.name), /declares volumes/);
  });

  it('says which language an image lacks, and runs the others', async () => {
    await using changed = await imageWith('ENV PATH=/usr/bin');
    await using other = await openSandbox({ ...settings!, sandboxDockerImage: changed.name }, silentLog);
    await other.whenProbed();
    assert.match(other.unavailable('node')!, /has no Node/);
    assert.equal(other.unavailable('python'), undefined);
    assert.match(rowOf(other, 'docker').lacks!.node!, /has no Node/);
    assert.deepEqual(rowOf(other, 'docker').languages, ['bash', 'python']);
  });

  it('removes what a dead process left behind, and nothing of the living, of others and of strangers', async () => {
    const [mine, lifetime] = Object.entries(labelsOf(60_000));
    const [name, owner] = mine!;
    const [boot, space] = owner.split(' ');
    const labels = {
      living: { [name]: owner, ...Object.fromEntries([lifetime!]) },
      dead: { [name]: `${boot} ${space} ${process.pid} 1`, [lifetime![0]]: '60' },
      elsewhere: { [name]: `another-machine ${space} ${process.pid} 1`, [lifetime![0]]: '60' },
      overdue: { [name]: `another-machine ${space} ${process.pid} 1`, [lifetime![0]]: '-1000' },
      stranger: { other: 'label' },
    };
    const made = await Promise.all(
      Object.entries(labels).map(async ([what, Labels]) => {
        const container = await docker!.createContainer({ Image: image, Cmd: ['true'], Labels });
        return { what, container };
      }),
    );
    await removeLeftovers(docker!);
    const left = new Set((await docker!.listContainers({ all: true })).map(({ Id }) => Id));
    assert.deepEqual(
      made.filter(({ container }) => left.has(container.id)).map(({ what }) => what),
      ['living', 'elsewhere', 'stranger'],
    );
    for (const { container } of made) await container.remove({ force: true }).catch(() => undefined);
  });

  it('leaves no container behind, however a call ends', async () => {
    await using brief = await openSandbox(settings!, silentLog);
    const stop = new AbortController();
    const calls = ['exit 3', 'sleep 600', 'yes', 'nosuchcommand'].map((code) =>
      brief.exec({ ...request(workspace, code), timeoutMs: 500 }, new AbortController().signal),
    );
    const cancelled = brief.exec(request(workspace, 'sleep 600'), stop.signal);
    setTimeout(() => stop.abort(), 30);
    await assert.rejects(cancelled, { reason: 'cancelled' });
    await Promise.all(calls);
    const closing = brief.exec(request(workspace, 'sleep 600'), new AbortController().signal);
    const closed = assert.rejects(closing, { reason: 'shutting_down' });
    await brief[Symbol.asyncDispose]();
    await closed;
    await until(async () => (await ownContainers()) === 0);
  });

  it('ends the call where the engine goes away, and the program once it is back', async () => {
    const socket = join(workspace, 'engine.sock');
    using held = new DisposableStack();
    const relay = held.adopt(await startRelay(socket), ({ stop }) => stop());
    await using away = await openSandbox({ ...settings!, dockerHost: `unix://${socket}` }, silentLog);
    await away.whenProbed();
    const begun = Promise.withResolvers<void>();
    const call = away.exec(
      { ...request(workspace, 'echo begun; sleep 600'), onOutput: () => begun.resolve() },
      new AbortController().signal,
    );
    await begun.promise;
    relay.stop();
    await assert.rejects(call, { reason: 'unavailable', message: /Docker could not run it/ });
    assert.notDeepEqual(processesIn(workspace), []);
    held.adopt(await startRelay(socket), ({ stop }) => stop());
    await until(async () => processesIn(workspace).length === 0 && (await ownContainers()) === 0);
    const next = await away.exec(request(workspace, 'echo fine'), new AbortController().signal);
    assert.equal(next.stdout, 'fine\n');
  });

  // Only root can hide something from one process alone.
  if (!isRoot()) return;

  it('says so where the engine does not see the workspace', () => {
    const seen = inPrivateMounts('mount -t tmpfs hidden "$TMPDIR"', 'docker', workspace);
    assert.match(seen.reason!, /bind source path does not exist.*does not see the files of this machine/);
  });

  it('is taken by itself where bubblewrap is missing', () => {
    const hide = 'for f in /usr/bin/bwrap /usr/local/bin/bwrap; do [ ! -e $f ] || mount --bind /dev/null $f; done';
    const seen = inPrivateMounts(hide, 'auto', workspace);
    assert.deepEqual([seen.available, seen.languages], [true, ['bash', 'python', 'node']]);
    assert.match(seen.status!, /commands and programs in Docker \(reeve-test:/);
  });
});

/** Why an engine or its image cannot be used. */
async function reasonAgainst(host: string, name: string): Promise<string> {
  const found = await findEngine(host, name);
  assert.ok(typeof found === 'string', 'it can be used');
  return found;
}

function request(workspace: string, code: string): ExecRequest {
  return { language: 'bash', code, workspace, timeoutMs: 20_000, maxOutputBytes: 1_000 };
}

function rowOf(of: Sandbox, name: string) {
  return of.describe().find((row) => row.name === name)!;
}

/** The test image with a change, for as long as it is held. */
async function imageWith(change: string): Promise<AsyncDisposable & { name: string }> {
  const container = await docker!.createContainer({ Image: image, Cmd: ['true'] });
  const name = `reeve-test:changed-${process.pid}`;
  await container.commit({ repo: 'reeve-test', tag: `changed-${process.pid}`, changes: change });
  await container.remove();
  return { name, [Symbol.asyncDispose]: async () => void (await docker!.getImage(name).remove({ force: true })) };
}

/** Containers that this process has made. */
async function ownContainers(): Promise<number> {
  const [label] = Object.entries(labelsOf(0));
  return (await docker!.listContainers({ all: true, filters: { label: [label!.join('=')] } })).length;
}

/** An engine that says what it is, and has no images. */
async function startFakeEngine(info: object): Promise<AsyncDisposable & { host: string }> {
  const server = createHttpServer((asked, answer) => {
    const isInfo = asked.url!.startsWith('/info');
    answer.writeHead(isInfo ? 200 : 404, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(isInfo ? info : { message: 'no such image' }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A socket that leads to the engine until it is stopped. */
async function startRelay(path: string): Promise<{ stop(): void }> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (from) => {
    const to = connect({ path: new URL(dockerHost!).pathname, allowHalfOpen: true });
    for (const socket of [from, to]) open.add(socket.on('error', () => undefined));
    from.pipe(to).pipe(from);
  }).listen(path);
  await once(server, 'listening');
  return {
    stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** What a sandbox finds out about Docker in a process that sees other mounts than the engine. */
function inPrivateMounts(
  mount: string,
  sandboxBackend: 'auto' | 'docker',
  directory: string,
): { reason?: string; available?: boolean; languages?: string[]; status?: string } {
  const program = `
    import { openSandbox } from ${JSON.stringify(new URL('../open.ts', import.meta.url).href)};
    import { silentLog } from '@reeve/kit';
    await using sandbox = await openSandbox(${JSON.stringify({ ...settings, sandboxBackend })}, silentLog);
    await sandbox.whenProbed();
    console.log(JSON.stringify({ ...sandbox.describe()[2], status: sandbox.status().message }));`;
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      `${mount} && exec "$0" --input-type=module -e "$1"`,
      process.execPath,
      program,
    ],
    { cwd: import.meta.dirname, env: { ...process.env, TMPDIR: directory }, encoding: 'utf8' },
  );
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as object;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 10_000; !(await isSo());) {
    assert.ok(performance.now() < deadline, 'it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
