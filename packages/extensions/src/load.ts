import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBreaker, ReeveError, type ConfigOf } from '@reeve/kit';
import type { Sandbox } from '@reeve/sandbox';
import type { Tool, toolSettings } from '@reeve/tools';
import { ask, type Asked } from './ask.ts';
import { parseTool, type ExtensionFile, type ToolText } from './extension.ts';
import { toBrokenTool, toTool } from './tool.ts';

/** The tool of a file, good or broken. */
export interface Loaded {
  readonly file: ExtensionFile;
  readonly tool: Tool;
  /** Why it is broken. */
  readonly reason: string | undefined;
  /** What was thrown, for the log. */
  readonly cause: unknown;
  /** When it is loaded again although it has not changed, by the clock of `performance`. */
  readonly retryAt: number;
}

interface Parts {
  readonly sandbox: Pick<Sandbox, 'exec' | 'unavailable' | 'whenProbed'>;
  /** The operator's folder. */
  readonly directory: string;
  readonly config: ConfigOf<typeof toolSettings>;
}

/** Why a tool is not known. What is not the file's own fault, or may not be, is not final. */
interface Fault {
  readonly fault: string;
  readonly isFinal: boolean;
  readonly cause?: unknown;
}

const LOAD_MS = 10_000;
/** After so long one is tried again that took too long, or could not be asked: the machine may have been at fault. */
const RETRY_MS = 30_000;
const PAUSED = 'this tool failed several times in a row and is paused for a while; do without it or try later';

/** Has the tool of a file tell what it is, in the sandbox. Never throws: what is wrong is the reason of a broken tool. */
export async function loadExtension(parts: Parts, file: ExtensionFile, signal: AbortSignal): Promise<Loaded> {
  const { circuitFailureThreshold: threshold, circuitResetTimeoutSeconds } = parts.config;
  const breaker = createBreaker({ threshold, resetMs: circuitResetTimeoutSeconds * 1_000, message: PAUSED });
  const place = { ...parts, file, breaker };
  const found = await describe(parts, file, signal);
  if ('told' in found)
    return { file, tool: toTool(place, found.told), reason: undefined, cause: undefined, retryAt: Infinity };
  const { fault: reason, isFinal, cause } = found;
  const tool = toBrokenTool(place, `${file.file}: ${reason}`);
  return { file, tool, reason, cause, retryAt: isFinal ? Infinity : performance.now() + RETRY_MS };
}

async function describe(
  parts: Parts,
  { name, file }: ExtensionFile,
  signal: AbortSignal,
): Promise<{ readonly told: ToolText } | Fault> {
  await parts.sandbox.whenProbed();
  const lack = parts.sandbox.unavailable('node');
  if (lack !== undefined) return { fault: lack, isFinal: true };
  try {
    const { ended, answer } = await askApart(parts, file, signal);
    if (answer?.kind === 'failed') return { fault: answer.message, isFinal: true };
    if (answer?.kind === 'tool') {
      const parsed = parseTool(name, answer.tool);
      return 'fault' in parsed ? { ...parsed, isFinal: true } : { told: parsed };
    }
    const how = ended.status === 'success' ? 'it ended' : ended.message;
    const fault = `${how} before it told of its tool. ${ended.stderr.trim().slice(-500)}`.trim();
    return { fault, isFinal: ended.status !== 'timeout' };
  } catch (cause) {
    const { reason, message } = ReeveError.from(cause);
    const fault = reason === 'internal' ? 'it could not be loaded; the log of the server says why' : message;
    return { fault, isFinal: false, cause };
  }
}

/** Asks in a workspace that nobody else has. */
async function askApart({ sandbox, directory }: Parts, file: string, signal: AbortSignal): Promise<Asked> {
  const workspace = await mkdtemp(join(tmpdir(), 'reeve-extension-'));
  try {
    return await ask({ sandbox, directory, file, call: null, workspace, readOnly: [], timeoutMs: LOAD_MS, signal });
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}
