import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Question, QuestionSchema, Verdict, VerdictSchema } from '@reeve/contract/proto/reeve/v1/programs';
import { ReeveError } from '@reeve/kit';
import { destinationOf, isOpen, TLS_PORT, type Destination, type Egress } from '../egress/egress.ts';

/*
 * Network access of a remote program. The proxy runs beside the program and connects from there; the caller decides
 * about each connection, records it first and provides the headers.
 */

/** Answers a question of the remote proxy. Never throws: an error here becomes a refusal. */
export async function verdictOn(
  egress: Egress | undefined,
  { id, about }: Question,
): Promise<MessageInitShape<typeof VerdictSchema>> {
  try {
    if (egress === undefined) return { id, problem: 'no host is open to this program', isDenied: true };
    if (about.case !== 'connection') return { id, hosts: [...(await egress.hosts())] };
    const claimed = about.value;
    const kind = claimed.kind === 'request' ? 'request' : 'tunnel';
    const name = destinationOf(claimed.host, claimed.port);
    const destination = name?.host === claimed.host && name.port === claimed.port && name.port > 0 ? name : undefined;
    const why = refusalOf(claimed, destination, await egress.hosts());
    const { host, port } = destination ?? { host: shortened(claimed.host), port: 0 };
    await egress.record({ host, port, kind, ...(why !== undefined && { refused: why }) });
    if (why !== undefined) return { id, problem: claimed.refused === '' ? `${host} ${why}` : '', isDenied: true };
    return { id, headers: { ...(kind === 'request' && port === TLS_PORT && egress.headersFor(host)) } };
  } catch (error) {
    const { reason, message } = ReeveError.from(error);
    return {
      id,
      problem: reason === 'internal' ? 'the connection failed' : message,
      isDenied: reason === 'policy_denied',
    };
  }
}

/** Why the connection is refused; undefined if it is allowed. The remote side’s own admission is not trusted. */
function refusalOf(
  { refused }: { readonly refused: string },
  destination: Destination | undefined,
  hosts: readonly string[],
): string | undefined {
  if (refused !== '') return shortened(refused);
  if (destination === undefined) return 'is no name of a host';
  return isOpen(hosts, destination) ? undefined : 'is not open to this program';
}

/** Truncates remote text for the record; no host name is longer. */
function shortened(text: string): string {
  return text.slice(0, 253).toWellFormed();
}

/** Asks the caller about connections. */
export interface QuestionSender {
  /** The way out as the proxy needs it. */
  readonly egress: Egress;
  /** Delivers a verdict. One without a waiting question is ignored. */
  hear(verdict: Verdict): void;
}

/** Asks the caller by `send`; `connect` makes the connections here. Waiting ends with `unavailable` when `signal` aborts, or after 15 s. */
export function createQuestionSender(
  send: (question: MessageInitShape<typeof QuestionSchema>) => void,
  connect: Egress['connect'],
  signal: AbortSignal,
): QuestionSender {
  const waiting = new Map<number, PromiseWithResolvers<Verdict>>();
  const headers = new Map<string, Readonly<Record<string, string>>>();
  let lastId = 0;
  const ask = async (about: NonNullable<MessageInitShape<typeof QuestionSchema>['about']>): Promise<Verdict> => {
    const id = (lastId += 1);
    const asked = Promise.withResolvers<Verdict>();
    const giveUp = () => asked.reject(new ReeveError('unavailable', 'nobody says whether this may be connected to'));
    const timer = setTimeout(giveUp, PATIENCE_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    waiting.set(id, asked);
    try {
      send({ id, about });
      const verdict = await asked.promise;
      if (verdict.problem === '') return verdict;
      throw new ReeveError(verdict.isDenied ? 'policy_denied' : 'unavailable', verdict.problem);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      waiting.delete(id);
    }
  };
  return {
    hear: (verdict) => waiting.get(verdict.id)?.resolve(verdict),
    egress: {
      hosts: async () => (await ask({ case: 'openHosts', value: {} })).hosts,
      headersFor: (host) => headers.get(host),
      connect,
      async record({ host, port, kind, refused = '' }) {
        const verdict = await ask({ case: 'connection', value: { host, port, kind, refused } });
        headers.set(host, verdict.headers);
      },
    },
  };
}

const PATIENCE_MS = 15_000;
