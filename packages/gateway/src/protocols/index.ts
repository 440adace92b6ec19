import type { App, EventStream } from '@reeve/http';
import { mountCompanion } from './companion.ts';
import { mountEmbeddings } from './embeddings.ts';
import { completionStream, mountCompletions } from './completions.ts';
import { mountModels } from './models.ts';
import type { ProtocolParts } from './protocol.ts';
import { responseStream } from './response-run.ts';
import { mountResponses } from './responses.ts';
import { mountUiChat, uiStream } from './ui-chat.ts';

export type { ProtocolParts } from './protocol.ts';

/*
 * Each protocol is a function of a run's event log. A run that one protocol started can be read through any other, and a
 * reader that disconnects changes nothing.
 */
export function mountProtocols(app: App, parts: ProtocolParts): void {
  mountCompletions(app, parts);
  mountModels(app, parts);
  mountEmbeddings(app, parts);
  mountResponses(app, parts);
  mountUiChat(app, parts);
  mountCompanion(app, parts);
}

/** Reopens a protocol’s stream from its source for a repeated idempotency key; undefined for a source of no protocol. */
export function resumeProtocolStream(
  parts: Pick<ProtocolParts, 'database' | 'feed' | 'log'>,
  tenantId: string,
  source: string,
): EventStream | undefined {
  const [protocol, runId = '', option = '0', after = '0'] = source.split(':');
  if (protocol === 'completion') return completionStream(parts, tenantId, runId, option === 'usage', Number(after));
  if (protocol === 'response') return responseStream(parts, tenantId, { id: runId, after: Number(option) }, -1);
  if (protocol === 'ui') return uiStream(parts, tenantId, runId, { after: Number(option) });
  return undefined;
}
