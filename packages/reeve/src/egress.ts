import { recordAudit } from '@reeve/audit';
import { EgressHost } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { Outgoing } from '@reeve/http';
import { currentContext, newTraceId, readSettingsFile, type ConfigOf } from '@reeve/kit';
import type { Egress, EgressConnection } from '@reeve/sandbox';
import { egressHosts, type Policies } from '@reeve/limits';
import { z } from 'zod';
import type { egressSettings } from './egress-config.ts';

const HEADER = 'a header is letters, digits and -, and none that belongs to the connection';
const OURS = /^(?:host|connection|content-length|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;
const Header = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/i, HEADER)
  .transform((name) => name.toLowerCase())
  .refine((name) => !OURS.test(name), HEADER);
const VALUE = 'it must be one line of text';
const CredentialsFile = z.strictObject({
  credentials: z.array(
    z.strictObject({
      host: EgressHost.refine((host) => !/[*:]/.test(host), 'it must be one host, without * and port'),
      tenants: z.array(z.string().min(1)).min(1, 'it must name tenants'),
      headers: z.record(Header, z.string().regex(/^[\x20-\x7e]+$/, VALUE)),
    }),
    'it must be a list',
  ),
});

type Credential = z.output<typeof CredentialsFile>['credentials'][number];

/** Throws `invalid_request` naming file, line and field where the file is broken. */
export function readEgressFile({ egressFile }: ConfigOf<typeof egressSettings>): readonly Credential[] {
  return egressFile === undefined ? [] : readSettingsFile('REEVE_EGRESS_FILE', egressFile, CredentialsFile).credentials;
}

export interface EgressParts {
  readonly database: Database;
  readonly policies: Pick<Policies, 'of'>;
  readonly outgoing: Pick<Outgoing, 'connect'>;
  readonly credentials: readonly Credential[];
}

/** On whose behalf a program of a tool runs. */
interface Caller {
  readonly tenantId: string;
  /** null for a program of no session. */
  readonly sessionId: string | null;
  readonly runId: string | null;
}

/** What the policy of a tenant opens to programs of a tool; undefined where that is nothing. Every connection is audited. */
export function createEgress({ database, policies, outgoing, credentials }: EgressParts) {
  return async ({ tenantId, sessionId, runId }: Caller, tool: string): Promise<Egress | undefined> => {
    const hosts = async () => egressHosts(await policies.of(tenantId), tool);
    if ((await hosts()).length === 0) return undefined;
    const traceId = currentContext()?.traceId;
    const own = credentials.filter(({ tenants }) => tenants.includes(tenantId));
    return {
      hosts,
      headersFor: (host) => own.find((credential) => credential.host === host)?.headers,
      connect: (host, port) => outgoing.connect(host, port),
      record({ refused, ...connection }: EgressConnection) {
        const entry = {
          tenantId,
          actor: 'agent',
          action: refused === undefined ? ('EGRESS_ALLOWED' as const) : ('EGRESS_DENIED' as const),
          // A program of no session serves many who ask.
          traceId: (sessionId === null ? undefined : traceId) ?? newTraceId(),
          ...(runId !== null && { runId }),
          details: {
            tool,
            ...(sessionId !== null && { session_id: sessionId }),
            ...connection,
            ...(refused !== undefined && { refused }),
          },
        };
        return inTenant(database.db, tenantId, (tx) => recordAudit(tx, [entry]));
      },
    };
  };
}
