import type { ComponentHealth, ToolInfo } from '@reeve/contract';
import { sleep, type Log } from '@reeve/kit';
import { refreshBodies, type BodyNote, type KnowledgeParts } from '@reeve/memory';

export interface BodyParts extends KnowledgeParts {
  readonly toolsOf: (tenantId: string) => Promise<{ list(): ToolInfo[] }>;
  /** What else there is, by its name. */
  readonly health: () => Readonly<Record<string, ComponentHealth>>;
  /** Between two looks, in seconds. */
  readonly everyS: number;
  readonly log: Log;
}

/** How long what one process says of its tools stands before another may say something else. */
const REST_MS = 300_000;

/** Keeps in every persona's Body which tools there are and how their environment is, until the signal aborts. */
export async function keepBodies(
  { toolsOf, health, everyS, log, ...parts }: BodyParts,
  signal: AbortSignal,
): Promise<void> {
  const notesOf = async (tenantId: string) => [toolNote((await toolsOf(tenantId)).list()), environmentNote(health())];
  const options = {
    signal,
    // The embedded database has one process, which sees what it sees.
    restMs: parts.database.kind === 'pglite' ? 0 : REST_MS,
    onFailure: (tenantId: string, error: unknown) =>
      log.warn(
        { err: error, tenant_id: tenantId },
        'the Body of a tenant’s personas could not be refreshed; trying again',
      ),
  };
  while (!signal.aborted) {
    await refreshBodies(parts, notesOf, options).then(
      (written) => written > 0 && log.debug({ documents: written }, 'the Body of personas was refreshed'),
      (error: unknown) =>
        signal.aborted || log.warn({ err: error }, 'refreshing the Body of personas failed; trying again'),
    );
    await sleep(everyS * 1_000, signal);
  }
}

/** One line for each tool: what it does, and why it cannot be used where it cannot. */
export function toolNote(tools: readonly ToolInfo[]): BodyNote {
  const lines = tools.map(({ name, description, available, unavailable_reason: reason, breaker }) => {
    const state = available ? '' : ` Cannot be used now: ${reason ?? 'no reason is known'}.`;
    const paused = available && breaker === 'open' ? ' Fails at present, and is tried again soon.' : '';
    return `- ${name}: ${firstSentence(description)}${state}${paused}`;
  });
  return { source: 'reeve:tools', title: 'Tools', text: ['# Tools', '', ...lines].join('\n') };
}

/** One line for each part that tools and models need. */
export function environmentNote(health: Readonly<Record<string, ComponentHealth>>): BodyNote {
  const lines = Object.entries(health).map(([name, { status, message }]) => `- ${name}: ${status}, ${message ?? ''}`);
  return { source: 'reeve:environment', title: 'Environment', text: ['# Environment', '', ...lines].join('\n') };
}

/** What a description begins with, on one line. */
function firstSentence(description: string): string {
  const line = description.replaceAll(/\s+/g, ' ').trim();
  const end = /[.!?](?= [A-Z])/.exec(line.slice(0, MOST))?.index;
  return end === undefined ? line.slice(0, MOST).toWellFormed() : line.slice(0, end + 1);
}

const MOST = 200;
