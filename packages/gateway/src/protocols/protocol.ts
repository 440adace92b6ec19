import type { Log } from '@reeve/kit';
import type { Embedder } from '@reeve/models';
import type { Call } from '@reeve/http';
import type { StartParts } from '@reeve/runs';
import type { Workspaces } from '@reeve/sandbox';
import type { Requester } from '@reeve/tasks';
import type { CallLedger, CallOwner } from '@reeve/ledger';
import type { Policies } from '@reeve/limits';

/** What the protocols depend on. */
export interface ProtocolParts extends StartParts {
  readonly log: Log;
  /** Records calls of plain models. */
  readonly ledgerFor: (owner: CallOwner) => CallLedger;
  readonly policies: Pick<Policies, 'of'>;
  /** Embeds texts for callers; undefined where no embedding model is set. */
  readonly embedder: Embedder | undefined;
  /** What skills add to an agent. */
  readonly skillsOf: (names: readonly string[]) => { readonly tools: readonly string[] };
  /** Where files of sessions are; undefined where that is another process. */
  readonly workspaces: Workspaces | undefined;
  /** Decides an approval. Throws `not_found`, and `conflict` where it is decided already. */
  readonly decide: (
    requester: Requester,
    approvalId: string,
    approved: boolean,
    reason: string | null,
  ) => Promise<void>;
}

/** The caller of a request. */
export type Caller = Pick<Call<unknown>, 'principal' | 'context'>;

/** How long a protocol waits for a run unless its caller says, in milliseconds. */
export const WAIT_MS = 120_000;

/** The agent named by a model of the form `agent/<name>`. */
export function agentOf(model: string | null | undefined): string | undefined {
  return model?.startsWith('agent/') ? model.slice('agent/'.length) : undefined;
}

/** Headers that name an answer’s run and session. */
export function runHeaders(run: { readonly runId: string; readonly sessionId: string }): Record<string, string> {
  return { 'x-run-id': run.runId, 'x-session-id': run.sessionId };
}
