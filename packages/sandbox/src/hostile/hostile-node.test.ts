import { describeHostile } from '../../test/hostile-conformance.ts';

const MIB = 1024 * 1024;

/** Tries each of several things; one that works is an escape. */
const attempts = (tries: Readonly<Record<string, string>>): string => `
import fs from 'node:fs'; import net from 'node:net'; import dns from 'node:dns/promises'; import { execFileSync } from 'node:child_process';
const connect = (options) => new Promise((resolve, reject) => net.connect(options, () => resolve('connected')).on('error', reject));
const tries = {${Object.entries(tries)
  .map(([name, code]) => `${JSON.stringify(name)}: async () => ${code}`)
  .join(',\n')}};
for (const [name, work] of Object.entries(tries)) {
  try { console.log('ESCAPED', name, await work()); } catch (error) { console.log(name, error.code ?? error.message); }
}
console.log('END');`;

describeHostile('hostile Node programs', 'node', [
  {
    tries: 'to find secrets in what Node knows of its process',
    code: `
import fs from 'node:fs'; import os from 'node:os';
console.log(JSON.stringify([process.env, process.argv, process.execArgv, process.report.getReport(), os.userInfo({encoding: 'latin1'}), os.hostname()]).length > 100);
const report = JSON.stringify(process.report.getReport());
for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)))
  for (const file of ['environ', 'cmdline']) try { console.log(fs.readFileSync('/proc/' + pid + '/' + file, 'latin1')); } catch {}
console.log(report.slice(0, 60_000), 'END');`,
    ends: ['success', 'error'],
    never: /ESCAPED|OPENAI|DATABASE_URL|hostile-runner/,
  },
  {
    tries: 'files of the host, by every road that Node has',
    code: ({ directory }) =>
      attempts({
        canary: `fs.readFileSync(${JSON.stringify(`${directory}/canary`)}, 'utf8')`,
        neighbor: `fs.readFileSync('/workspace/../neighbor/notes', 'utf8')`,
        root: `fs.readFileSync('/proc/1/root${directory}/canary', 'utf8')`,
        cwd: `fs.readFileSync('/proc/1/cwd${directory}/canary', 'utf8')`,
        shadow: `fs.readFileSync('/etc/shadow', 'utf8')`,
        link: `(fs.symlinkSync('${directory}', 'l'), fs.readFileSync('l/canary', 'utf8'))`,
        copy: `fs.cpSync('${directory}', 'copied', { recursive: true })`,
        child: `execFileSync('cat', ['${directory}/canary'])`,
        write: `fs.writeFileSync('/usr/local/bin/node', 'x')`,
        run: `fs.writeFileSync('/run/program.js', 'x')`,
        rename: `fs.renameSync('/run/program.js', '/workspace/program.js')`,
      }),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'the network, by every road that Node has',
    code: ({ port, directory, abstractSocket }) =>
      attempts({
        fetch: `(await fetch('http://127.0.0.1:${port}/')).status`,
        metadata: `(await fetch('http://169.254.169.254/latest/meta-data/', { signal: AbortSignal.timeout(1000) })).status`,
        localhost: `connect({ host: 'localhost', port: ${port} })`,
        ipv6: `connect({ host: '::1', port: ${port} })`,
        path: `connect({ path: ${JSON.stringify(`${directory}/host.sock`)} })`,
        abstract: `connect({ path: '\\0' + ${JSON.stringify(abstractSocket.slice(1))} })`,
        docker: `connect({ path: '/var/run/docker.sock' })`,
        lookup: `dns.lookup('example.com')`,
        resolve: `(dns.setServers(['8.8.8.8']), dns.resolve4('example.com'))`,
        websocket: `new Promise((resolve, reject) => { const socket = new WebSocket('ws://127.0.0.1:${port}'); socket.onopen = resolve; socket.onerror = () => reject(new Error('refused')); })`,
      }),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to debug, signal or kill processes of the host',
    code: ({ bystander, runner }) =>
      attempts({
        bystander: `process.kill(${bystander.pid}, 'SIGKILL')`,
        runner: `process.kill(${runner.pid}, 'SIGUSR1')`,
        debug: `process._debugProcess(${runner.pid})`,
        descriptor: `fs.writeSync(fs.openSync('/proc/1/fd/7', 'w'), 'x')`,
        channel: `process.send({ kind: 'ended' })`,
      }),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to load code of its own into Node',
    code: attempts({
      addon: `(fs.writeFileSync('x.node', Buffer.alloc(4096, 'x')), process.dlopen({ exports: {} }, '/workspace/x.node'))`,
      internals: `process.binding('fs').readFileUtf8('/etc/shadow', 0)`,
      user: `process.setuid(0)`,
      root: `process.seteuid('root')`,
      priority: `(await import('node:os')).setPriority(0, -20)`,
    }),
    ends: 'success',
    says: /END/,
  },
  {
    tries: 'to leave a detached child behind',
    code: `
import { spawn } from 'node:child_process';
spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref();
console.log('left');`,
    ends: 'success',
    says: /left/,
  },
  {
    tries: 'never to end, whatever it is told',
    code: `
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => undefined);
process.on('uncaughtException', () => undefined);
process.on('exit', () => { while (true) {} });
setInterval(() => { throw new Error('again'); }, 10);`,
    timeoutMs: 800,
    ends: 'time',
  },
  {
    tries: 'workers that spin while the main thread ends',
    code: `
import { Worker } from 'node:worker_threads';
try { process.kill(1, 'SIGKILL'); } catch {}
for (let i = 0; i < 4; i++) new Worker('while (true);', { eval: true });
setTimeout(() => process.exit(0), 200);`,
    ends: 'success',
  },
  {
    tries: 'to start itself again and again',
    code: `
import { spawn } from 'node:child_process';
const again = () => { for (let i = 0; i < 4; i++) spawn(process.execPath, [process.argv[1]], { stdio: 'ignore' }).on('error', () => undefined); };
setInterval(again, 10);`,
    timeoutMs: 1_500,
    ends: ['time', 'memory', 'error', 'cpu'],
  },
  {
    tries: 'an endless loop of microtasks',
    code: '(async () => { for (;;) await 0; })()',
    timeoutMs: 600,
    ends: 'time',
  },
  {
    tries: 'a bomb in a regular expression',
    code: '/(a+)+$/.test("a".repeat(64) + "b")',
    timeoutMs: 600,
    ends: 'time',
  },
  {
    tries: 'a bomb in JSON',
    code: 'let text = "1"; for (let i = 0; i < 40; i++) text = `[${text},${text}]`; JSON.parse(text)',
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: ['error', 'memory'],
  },
  {
    tries: 'a heap without end',
    code: 'const held = []; for (;;) held.push(new Array(1e5).fill(Math.random()))',
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: ['error', 'memory'],
  },
  {
    tries: 'memory outside of its heap',
    code: 'const held = []; for (;;) held.push(Buffer.alloc(8 << 20, 1))',
    request: { limits: { memoryBytes: 256 * MIB } },
    ends: 'memory',
  },
  {
    tries: 'memory of WebAssembly, and shared memory',
    code: `
const held = [];
try { for (;;) held.push(new WebAssembly.Memory({ initial: 1, maximum: 65536 }), new SharedArrayBuffer(1 << 30)); }
catch (error) { console.log('stopped', error.message); }`,
    ends: 'success',
    says: /stopped/,
  },
  {
    tries: 'a flood of lines',
    code: 'import fs from "node:fs"; for (;;) try { fs.writeSync(1, "flood\\n".repeat(1000)); } catch {}',
    ends: 'output',
  },
  {
    tries: 'to pollute the prototypes of Reeve',
    code: `
Object.prototype.polluted = 'yes'; Array.prototype.polluted = 'yes';
console.log(JSON.stringify({ ['__proto__']: { polluted: 1 }, constructor: { prototype: { polluted: 1 } } }));`,
    ends: 'success',
    says: /polluted/,
  },
  {
    tries: 'a file for every request, and one that is watched',
    code: `
import fs from 'node:fs';
for (let i = 0; ; i++) fs.writeFileSync('f' + i, '');`,
    request: { limits: { files: 2_000 } },
    ends: 'files',
  },
]);
