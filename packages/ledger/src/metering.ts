/** For whom a model call is made, and so whose budgets it is counted against. */
export interface CallOwner {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
  /** The agent's slug; null for a call of a plain model. */
  readonly agentId: string | null;
  readonly personaId: string | null;
  readonly runId: string | null;
  /** The run at the root of the tree, whose budget the whole tree shares; null where there is no run. */
  readonly rootRunId: string | null;
  readonly step: number | null;
}

/** What tokens cost, in billionths of a US dollar each. */
export interface Price {
  readonly inputNano: number;
  /** For tokens that the provider had in its cache. */
  readonly cachedInputNano: number;
  /** Reasoning included. */
  readonly outputNano: number;
}

/** One attempt at a model call, before it is sent. */
export interface CallAttempt {
  readonly provider: string;
  readonly model: string;
  /** From 1, over retries and fallbacks. */
  readonly attempt: number;
  /** Estimated. */
  readonly inputTokens: number;
  /** The most that the model may answer with. */
  readonly maxOutputTokens: number;
  /** Null: not known, which a budget in money refuses. */
  readonly price: Price | null;
}

/** What was used, in tokens. `input` includes `cached`, and `output` includes `reasoning`. */
export interface CallUsage {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
}

/** How an attempt ended. */
export interface CallEnd {
  /** `ok`, `cancelled`, `abandoned` where its reader went away, or the reason of its error. */
  readonly outcome: string;
  /** Nothing where the provider certainly did nothing. */
  readonly usage: CallUsage;
  /** Nobody counted: it was estimated from what was sent and streamed. */
  readonly estimated: boolean;
  readonly firstTokenMs: number | null;
  readonly latencyMs: number;
}

/** Where the attempts of one model call are written down, one row each. */
export interface CallLedger {
  /** Throws `policy_denied` where the tenant may not use a model; records and reserves nothing. */
  check?(model: Pick<CallAttempt, 'provider' | 'model'>): Promise<void>;
  /**
   * Records an attempt and reserves what it may cost at most; both have committed when it resolves. Throws
   * `budget_exhausted`, having reserved nothing, where a budget has no room, or has a limit in money and the price is not known.
   */
  begin(attempt: CallAttempt): Promise<OpenCall>;
}

/** An attempt that was recorded and has not ended. */
export interface OpenCall {
  /** Replaces the reservation by what was used. Resolves once that has committed; a second time does nothing. */
  settle(end: CallEnd): Promise<void>;
}

/** Billionths of a US dollar as the decimal string that the API shows. */
export function usdOf(nano: number): string {
  const rest = nano % NANO;
  return `${(nano - rest) / NANO}.${String(rest).padStart(9, '0')}`.replace(/\.?0+$/, '');
}

/** A decimal string of US dollars in billionths; what is more than nine million dollars is counted as that much. */
export function nanoOf(usd: string): number {
  const [whole, rest = ''] = usd.split('.');
  return Math.min(Number(whole) * NANO + Number(rest.padEnd(9, '0').slice(0, 9)), MOST_NANO);
}

const NANO = 1_000_000_000;
/** Amounts up to here are exact as numbers. */
const MOST_NANO = 9_000_000 * NANO;
