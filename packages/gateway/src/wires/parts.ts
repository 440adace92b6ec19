import type { Log } from '@reeve/kit';
import type { Call } from '@reeve/http';
import type { StartParts } from '@reeve/runs';
import type { Requester } from '@reeve/tasks';
import type { CallLedger, CallOwner } from '@reeve/ledger';
import type { Policies } from '@reeve/limits';

/** What the wires work with. */
export interface WireParts extends StartParts {
  readonly log: Log;
  /** Where calls of plain models are written down. */
  readonly ledgerFor: (owner: CallOwner) => CallLedger;
  readonly policies: Pick<Policies, 'of'>;
  /** What skills add to an agent. */
  readonly skillsOf: (names: readonly string[]) => { readonly tools: readonly string[] };
  /** Decides an approval. Throws `not_found`, and `conflict` where it is decided already. */
  readonly decide: (
    requester: Requester,
    approvalId: string,
    approved: boolean,
    reason: string | null,
  ) => Promise<void>;
}

/** Who calls, in which request. */
export type Caller = Pick<Call<unknown>, 'principal' | 'context'>;

/** How long a wire waits for a run where its caller does not say, in milliseconds. */
export const WAIT_MS = 120_000;

/** The agent that a model’s name means, where it means one. */
export function agentOf(model: string | null | undefined): string | undefined {
  return model?.startsWith('agent/') ? model.slice('agent/'.length) : undefined;
}

/** Where an answer came from, as its headers tell it. */
export function runHeaders(run: { readonly runId: string; readonly sessionId: string }): Record<string, string> {
  return { 'x-run-id': run.runId, 'x-session-id': run.sessionId };
}
