// For tests: tools in a workspace that is empty when a test begins, and what they come to.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach } from 'node:test';
import { createOutgoing } from '@reeve/http';
import { silentLog } from '@reeve/kit';
import { openSandbox, workspacePath } from '@reeve/sandbox';
import { createToolRegistry } from '../src/registry.ts';
import { contextOf } from './web.ts';
import type { Tool, ToolContext } from '../src/tool.ts';

export interface TestTools {
  /** What is registered; every built-in tool where it is left out. */
  readonly tools?: readonly Tool[];
  readonly sandboxBackend: 'auto' | 'quickjs';
  readonly circuitFailureThreshold: number;
  /** What calls have of their context, where they do not say otherwise. */
  readonly context?: Partial<ToolContext>;
}

/** The tools of one test file; they are closed when its tests have ended. */
export async function openTestTools({ tools, sandboxBackend, circuitFailureThreshold, context: usual }: TestTools) {
  const sandbox = await openSandbox({ sandboxBackend }, silentLog);
  await sandbox.whenProbed();
  const outgoing = createOutgoing({ allowPrivate: false });
  const registry = createToolRegistry({
    sandbox,
    web: { outgoing, configured: outgoing },
    config: { circuitFailureThreshold, circuitResetTimeoutSeconds: 30 },
    log: silentLog,
    ...(tools && { tools }),
  });
  /** On the host; `workspace` is somewhere below. */
  const base = await mkdtemp(join(tmpdir(), 'reeve-tools-'));
  const workspaces = join(base, 'w');
  const workspace = await workspacePath(workspaces, 'acme', 's1');
  beforeEach(async () => {
    await rm(workspaces, { recursive: true, force: true });
    await workspacePath(workspaces, 'acme', 's1');
  });
  after(async () => {
    await outgoing[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    await rm(base, { recursive: true, force: true });
  });

  const call = async (name: string, args: object, context: Partial<ToolContext> = {}) => {
    const outcome = await registry.execute(name, args, { ...contextOf(), workspace, ...usual, ...context });
    return { ...outcome, result: outcome.result as Record<string, unknown> };
  };
  return {
    registry,
    sandbox,
    base,
    workspace,
    call,
    /** What a call that succeeds comes to. */
    async value(name: string, args: object, context?: Partial<ToolContext>): Promise<Record<string, unknown>> {
      const outcome = await call(name, args, context);
      assert.equal(outcome.tool_status, 'success', JSON.stringify(outcome));
      return outcome.result;
    },
    /** Sees that a call is an error that says so. */
    async refused(name: string, args: object, message: RegExp, context?: Partial<ToolContext>): Promise<void> {
      const outcome = await call(name, args, context);
      assert.equal(outcome.tool_status, 'error', JSON.stringify(outcome));
      assert.match(String(outcome.result.error), message);
    },
  };
}
