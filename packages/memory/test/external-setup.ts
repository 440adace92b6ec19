import type { Database } from '@reeve/db';
import { createOutgoing } from '@reeve/http';
import { DEFAULT_RULES } from '../src/care/sensitive.ts';
import { remember, type Remembered, type RememberWanted } from '../src/memories.ts';
import { asTenant, emptyMemory } from './tables.ts';
import { createExternalMemory, type ExternalMemory, type ExternalMemoryOptions } from '../src/external/client.ts';

/** A backend as tests have it. */
interface Backend extends AsyncDisposable {
  readonly url: string;
  readonly requests: unknown[];
  readonly tenants: Map<string, unknown>;
}

/** A database and a backend beside it. */
export interface ExternalPlace<There extends Backend> extends AsyncDisposable {
  readonly database: Database;
  readonly there: There;
  backend(options?: Partial<ExternalMemoryOptions>): ExternalMemory;
  /** Remembers a text, of the tenant `default` unless said. */
  say(text: string, input?: Partial<RememberWanted> & { readonly tenantId?: string }): Promise<Remembered>;
  /** Empties both, and mends the backend. */
  reset(): Promise<void>;
}

/** Disposing closes both. */
export function openExternalPlace<There extends Backend>(database: Database, there: There): ExternalPlace<There> {
  const outgoing = createOutgoing({ allowPrivate: true });
  return {
    database,
    there,
    backend: (options) => createExternalMemory({ baseUrl: there.url, outgoing, patienceMs: 500, ...options }),
    say(text, { tenantId = 'default', ...input } = {}) {
      const who = { tenantId, userId: 'ada', traceId: 'trace-1' };
      return asTenant(database, (tx) => remember(tx, who, { text, tags: [], ...input }, DEFAULT_RULES), tenantId);
    },
    async reset() {
      await emptyMemory(database);
      there.requests.length = 0;
      there.tenants.clear();
      Object.assign(there, { fault: undefined, more: [], isOld: false });
    },
    async [Symbol.asyncDispose]() {
      await outgoing[Symbol.asyncDispose]();
      await there[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
