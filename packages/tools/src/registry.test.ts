// runs in: its own process
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ToolInfo, ToolOutcome } from '@reeve/contract';
import { createOutgoing } from '@reeve/http';
import { ReeveError, metrics, silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { createBreaker } from './breaker.ts';
import { createToolRegistry } from './registry.ts';
import { contextOf } from '../test/web.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from './tool.ts';

const sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
const outgoing = createOutgoing({ allowPrivate: false });
const web = { outgoing, configured: outgoing };
after(async () => {
  await outgoing[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const config = { circuitFailureThreshold: 3, circuitResetTimeoutSeconds: 30 };

function registryOf(
  execute: (input: { word: string }, context: ToolContext) => Promise<ToolResult>,
  extra: Partial<Tool> = {},
) {
  const tool = defineTool({
    name: 'probe',
    description: 'A probe.',
    effect: 'none',
    timeoutMs: 200,
    input: z.strictObject({ word: z.string() }),
    execute,
    ...extra,
  });
  return createToolRegistry({ sandbox, web, config, log: silentLog, tools: [tool] });
}
const good = { status: 'success', result: 'fine' } as const;

describe('the tool registry', () => {
  it('lists every built-in tool in the contract’s shape, unavailable ones with their reason', () => {
    const registry = createToolRegistry({ sandbox, web, config, log: silentLog });
    const tools = z.array(ToolInfo).parse(registry.list());
    assert.deepEqual(
      tools.map(({ name, effect }) => `${name} ${effect}`),
      [
        'apply_patch external',
        'bash_execute external',
        'calculator none',
        'create_task idempotent',
        'current_time none',
        'delegate_to_agent idempotent',
        'edit_file external',
        'forget idempotent',
        'glob_files none',
        'grep_files none',
        'http_request external',
        'node_execute external',
        'python_execute external',
        'read_file none',
        'recall none',
        'remember idempotent',
        'run_code none',
        'web_crawl none',
        'web_search none',
        'write_file idempotent',
      ],
    );
    for (const needed of ['bash_execute', 'python_execute', 'node_execute']) {
      const tool = tools.find(({ name }) => name === needed)!;
      assert.equal(tool.available, false);
      assert.match(tool.unavailable_reason!, /SANDBOX_BACKEND/);
    }
    assert.equal(registry.effectOf('write_file', {}), 'idempotent');
    assert.equal(registry.effectOf('never heard of', {}), 'external');
  });

  it('offers only tools that are known and available, with plain JSON Schema', () => {
    const registry = createToolRegistry({ sandbox, web, config, log: silentLog });
    const offered = registry.definitions([
      'read_file',
      'bash_execute',
      'python_execute',
      'node_execute',
      'nope',
      'calculator',
      'read_file',
    ]);
    assert.deepEqual(
      offered.map(({ name }) => name),
      ['read_file', 'calculator'],
    );
    const { properties, required, type } = offered[0]!.inputSchema as {
      properties: object;
      required: string[];
      type: string;
    };
    assert.deepEqual([type, Object.keys(properties), required], ['object', ['path', 'offset', 'limit'], ['path']]);
  });

  it('refuses to call a tool that is unavailable, and says why', async () => {
    let ran = false;
    const registry = registryOf(async () => ((ran = true), good), { unavailable: () => 'the moon is down' });
    const outcome = await registry.execute('probe', { word: 'x' }, contextOf());
    assert.equal(outcome.tool_status, 'error');
    assert.match(JSON.stringify(outcome.result), /the moon is down/);
    assert.equal(ran, false);
  });

  it('throws unknown_tool for a tool that it does not have', async () => {
    await assert.rejects(registryOf(async () => good).execute('toString', {}, contextOf()), {
      reason: 'unknown_tool',
      message: /the tools are probe/,
    });
  });

  it('explains wrong arguments to the model and does not run the tool', async () => {
    let ran = false;
    const registry = registryOf(async () => ((ran = true), good));
    for (const [args, expected] of [
      [{ word: 5 }, /word: .*expected string, received number/],
      [{}, /word: .*expected string, received undefined/],
      [undefined, /word/],
      ['text', /expected object/],
      [{ word: 'x', extra: 1 }, /extra/],
    ] as const) {
      const outcome = await registry.execute('probe', args, contextOf());
      assert.equal(outcome.tool_status, 'error');
      const { error } = outcome.result as { error: string };
      assert.match(error, expected);
      assert.match(error, /probe takes \{"word": string\}/);
    }
    assert.equal(ran, false);
  });

  it('answers in the contract’s shape, with duration and metrics', async () => {
    const registry = registryOf(async ({ word }) => ({
      status: 'success',
      result: { word },
      stdout: 'out',
      stderr: 'err',
      exitCode: 0,
    }));
    const outcome = ToolOutcome.parse(await registry.execute('probe', { word: 'hi' }, contextOf()));
    assert.deepEqual(
      { ...outcome, duration_ms: 0 },
      {
        tool_status: 'success',
        result: { word: 'hi' },
        stdout: 'out',
        stderr: 'err',
        exit_code: 0,
        duration_ms: 0,
        truncated: false,
      },
    );
    assert.ok(outcome.duration_ms >= 0);
    assert.match(await metrics.metrics(), /reeve_tool_calls_total\{tool="probe",status="success"\} \d+/);
  });

  it('cuts results beyond 256 KiB and says so', async () => {
    const registry = registryOf(async () => ({
      status: 'success',
      result: { text: 'ü'.repeat(300_000) },
      stdout: 'x'.repeat(400_000),
    }));
    const outcome = await registry.execute('probe', { word: 'x' }, contextOf());
    assert.equal(outcome.truncated, true);
    assert.equal(typeof outcome.result, 'string');
    assert.ok(Buffer.byteLength(outcome.result as string) <= 256 * 1024 && outcome.stdout.length === 256 * 1024);
  });

  it('keeps nothing that PostgreSQL cannot store', async () => {
    const registry = registryOf(async () => ({
      status: 'success',
      result: { ['a\0']: ['b\0c', '\ud800'] },
      stdout: 'd\0',
    }));
    const outcome = await registry.execute('probe', { word: 'x' }, contextOf());
    assert.deepEqual(outcome.result, { 'a\uFFFD': ['b\uFFFDc', '\uFFFD'] });
    assert.equal(outcome.stdout, 'd\uFFFD');
  });

  it('gives up at the tool’s time limit and aborts the tool', async () => {
    let aborted = false;
    const registry = registryOf(
      (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))),
    );
    const outcome = await registry.execute('probe', { word: 'x' }, contextOf());
    assert.equal(outcome.tool_status, 'timeout');
    assert.equal(aborted, true);
  });

  it('throws cancelled when the run is cancelled, before and during a call', async () => {
    const registry = registryOf(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
    );
    await assert.rejects(registry.execute('probe', { word: 'x' }, contextOf(AbortSignal.abort())), {
      reason: 'cancelled',
    });
    await assert.rejects(registry.execute('probe', { word: 'x' }, contextOf(AbortSignal.timeout(20))), {
      reason: 'cancelled',
    });
  });

  it('tells a fault of the tool without its inner message', async () => {
    const outcome = await registryOf(async () => Promise.reject(new Error('password is hunter2'))).execute(
      'probe',
      { word: 'x' },
      contextOf(),
    );
    assert.equal(outcome.tool_status, 'error');
    assert.doesNotMatch(JSON.stringify(outcome), /hunter2/);
  });
});

describe('the circuit breaker of a tool', () => {
  const fault = () => Promise.reject(new Error('broken'));

  it('opens after faults in a row, refuses without running, and closes after a good probe', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    let [ran, next]: [number, () => Promise<ToolResult>] = [0, fault];
    const registry = registryOf(async () => ((ran += 1), next()));
    const call = async () => (await registry.execute('probe', { word: 'x' }, contextOf())).tool_status;
    const state = () => registry.list()[0]!.breaker;
    assert.deepEqual([await call(), await call(), state()], ['error', 'error', 'closed']);
    assert.deepEqual([await call(), state()], ['error', 'open']);
    assert.deepEqual([await call(), ran], ['circuit_open', 3]);
    t.mock.timers.tick(29_999);
    assert.equal(await call(), 'circuit_open');
    t.mock.timers.tick(1);
    assert.deepEqual([await call(), state(), ran], ['error', 'open', 4]);
    t.mock.timers.tick(30_000);
    next = async () => good;
    assert.deepEqual([await call(), state()], ['success', 'closed']);
  });

  it('lets one probe through and refuses the others meanwhile', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    const probe = Promise.withResolvers<ToolResult>();
    let next: () => Promise<ToolResult> = fault;
    const registry = registryOf(() => next());
    const call = async () => (await registry.execute('probe', { word: 'x' }, contextOf())).tool_status;
    for (let count = 0; count < 3; count++) await call();
    t.mock.timers.tick(30_000);
    next = () => probe.promise;
    const first = call();
    assert.equal(registry.list()[0]!.breaker, 'half_open');
    assert.equal(await call(), 'circuit_open');
    probe.resolve(good);
    assert.equal(await first, 'success');
    assert.equal(await call(), 'success');
  });

  it('counts timeouts, and a success in between starts the count anew', async () => {
    let next: () => Promise<ToolResult> = () => new Promise(() => {});
    const registry = registryOf(() => next());
    const call = async () => (await registry.execute('probe', { word: 'x' }, contextOf())).tool_status;
    assert.deepEqual([await call(), await call()], ['timeout', 'timeout']);
    const hang = next;
    next = async () => good;
    assert.equal(await call(), 'success');
    next = hang;
    assert.deepEqual([await call(), await call(), registry.list()[0]!.breaker], ['timeout', 'timeout', 'closed']);
    assert.deepEqual([await call(), registry.list()[0]!.breaker], ['timeout', 'open']);
  });

  it('counts a result that the tool calls its own fault, and shows it all the same', async () => {
    const registry = registryOf(async () => ({
      status: 'timeout',
      result: { error: 'hung' },
      stdout: 'so far',
      isFault: true,
    }));
    for (let count = 0; count < 3; count++) {
      const { tool_status, result, stdout } = await registry.execute('probe', { word: 'x' }, contextOf());
      assert.deepEqual([tool_status, result, stdout], ['timeout', { error: 'hung' }, 'so far']);
    }
    assert.equal(registry.list()[0]!.breaker, 'open');
  });

  it('counts neither what the input caused nor what was cancelled', async () => {
    const results: (() => Promise<ToolResult>)[] = [
      async () => ({ status: 'error', result: 'exit 1' }),
      async () => ({ status: 'timeout', result: 'the command ran too long' }),
      () => Promise.reject(new ReeveError('invalid_request', 'no such file')),
      () => Promise.reject(new ReeveError('not_found', 'no such thing')),
    ];
    let next: () => Promise<ToolResult> = () => new Promise(() => {});
    const registry = registryOf(() => next());
    for (let round = 0; round < 4; round++) {
      for (const result of results) {
        next = result;
        await registry.execute('probe', { word: 'x' }, contextOf());
      }
      await registry.execute('probe', 5, contextOf());
    }
    next = () => new Promise(() => {});
    for (let round = 0; round < 4; round++)
      await assert.rejects(registry.execute('probe', { word: 'x' }, contextOf(AbortSignal.timeout(5))), {
        reason: 'cancelled',
      });
    assert.equal(registry.list()[0]!.breaker, 'closed');
  });

  it('stays open where its probe was cancelled', async (t) => {
    t.mock.timers.enable({ apis: ['Date'] });
    let next: () => Promise<ToolResult> = fault;
    const registry = registryOf(() => next());
    for (let count = 0; count < 3; count++) await registry.execute('probe', { word: 'x' }, contextOf());
    t.mock.timers.tick(30_000);
    next = () => new Promise(() => {});
    await assert.rejects(registry.execute('probe', { word: 'x' }, contextOf(AbortSignal.timeout(5))), {
      reason: 'cancelled',
    });
    assert.equal(registry.list()[0]!.breaker, 'open');
  });

  it('takes others beside its own, under breakers that they may share, and tells of them by their kind alone', async () => {
    const base = registryOf(async () => good);
    const breaker = createBreaker(2, 60_000);
    const other = (name: string, work: () => Promise<ToolResult>) => ({
      ...defineTool({ name, description: name, effect: 'none', timeoutMs: 200, input: z.object({}), execute: work }),
      source: 'mcp:lab',
      inputSchema: { type: 'object', properties: { own: { type: 'string' } } },
      breaker,
    });
    const broken = async () => {
      throw new Error('broken');
    };
    const tools = [other('mcp__lab__a', broken), other('mcp__lab__b', async () => good), other('probe', broken)];
    const registry = base.with(tools);
    assert.deepEqual(
      registry.list().map(({ name, source }) => [name, source]),
      [
        ['mcp__lab__a', 'mcp:lab'],
        ['mcp__lab__b', 'mcp:lab'],
        ['probe', 'builtin'],
      ],
    );
    assert.deepEqual(registry.definitions(['mcp__lab__a'])[0]?.inputSchema, tools[0]?.inputSchema);
    for (let n = 0; n < 2; n++) await registry.execute('mcp__lab__a', {}, contextOf());
    assert.equal((await registry.execute('mcp__lab__b', {}, contextOf())).tool_status, 'circuit_open');
    assert.equal((await base.with(tools).execute('mcp__lab__b', {}, contextOf())).tool_status, 'circuit_open');
    assert.equal((await registry.execute('probe', { word: 'x' }, contextOf())).tool_status, 'success');
    assert.equal(base.get('mcp__lab__a'), undefined);
    const counted = await metrics.metrics();
    assert.match(counted, /reeve_tool_calls_total\{tool="mcp",status="error"\} 2/);
    assert.doesNotMatch(counted, /mcp__lab/);
  });
});
