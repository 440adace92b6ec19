import { createBreaker, ReeveError, type ConfigOf } from '@reeve/kit';
import type { Tool, toolSettings } from '@reeve/tools';
import { ask } from './ask.ts';
import { parseTool, type ExtensionFile, type ToolText } from './extension.ts';
import { toBrokenTool, toTool, type ExtensionSandbox } from './tool.ts';

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
  readonly sandbox: ExtensionSandbox;
  /** The operator's folder. */
  readonly directory: string;
  readonly config: ConfigOf<typeof toolSettings>;
}

/** Why a tool is not known. */
interface Fault {
  readonly fault: string;
  /** When it is tried again although the file is the same. */
  readonly retryMs: number;
  readonly cause?: unknown;
}

const LOAD_MS = 10_000;
/** After so long one is tried again that took too long, or could not be asked: the machine may have been at fault. */
const RETRY_MS = 30_000;
/** The same where nothing runs it now: a sandbox elsewhere comes back. */
const LACK_RETRY_MS = 2_000;
const PAUSED = 'this tool failed several times in a row and is paused for a while; do without it or try later';

/** Has the tool of a file tell what it is, in the sandbox. Never throws: what is wrong is the reason of a broken tool. */
export async function loadExtension(parts: Parts, file: ExtensionFile, signal: AbortSignal): Promise<Loaded> {
  const { circuitFailureThreshold: threshold, circuitResetTimeoutSeconds } = parts.config;
  const breaker = createBreaker({ threshold, resetMs: circuitResetTimeoutSeconds * 1_000, message: PAUSED });
  const place = { ...parts, file, breaker };
  const found = await describe(parts, file, signal);
  if ('told' in found)
    return { file, tool: toTool(place, found.told), reason: undefined, cause: undefined, retryAt: Infinity };
  const { fault: reason, retryMs, cause } = found;
  const tool = toBrokenTool(place, `${file.file}: ${reason}`);
  return { file, tool, reason, cause, retryAt: performance.now() + retryMs };
}

async function describe(
  parts: Parts,
  { name, file }: ExtensionFile,
  signal: AbortSignal,
): Promise<{ readonly told: ToolText } | Fault> {
  await parts.sandbox.whenProbed();
  const lack = parts.sandbox.unavailable('node');
  if (lack !== undefined) return { fault: lack, retryMs: LACK_RETRY_MS };
  try {
    // In a workspace that nobody else has.
    const { ended, answer } = await ask({
      ...parts,
      file,
      call: null,
      workspace: undefined,
      readOnly: [],
      timeoutMs: LOAD_MS,
      signal,
    });
    if (answer?.kind === 'failed') return { fault: answer.message, retryMs: Infinity };
    if (answer?.kind === 'tool') {
      const parsed = parseTool(name, answer.tool);
      return 'fault' in parsed ? { ...parsed, retryMs: Infinity } : { told: parsed };
    }
    const how = ended.status === 'success' ? 'it ended' : ended.message;
    const fault = `${how} before it told of its tool. ${ended.stderr.trim().slice(-500)}`.trim();
    return { fault, retryMs: ended.status === 'timeout' ? RETRY_MS : Infinity };
  } catch (cause) {
    const { reason, message } = ReeveError.from(cause);
    const fault = reason === 'internal' ? 'it could not be loaded; the log of the server says why' : message;
    return { fault, retryMs: RETRY_MS, cause };
  }
}
