import type { App, EventStream } from '@reeve/http';
import { mountCompanion } from './companion.ts';
import { completionStream, mountCompletions } from './completions.ts';
import { mountModels } from './models.ts';
import type { WireParts } from './parts.ts';
import { responseStream } from './response-run.ts';
import { mountResponses } from './responses.ts';
import { mountUiChat, uiStream } from './ui-chat.ts';

export type { WireParts } from './parts.ts';

/*
 * One log, many wires: each of these protocols is a function of a run's event log. What one of them starts can be read over
 * any other, and a reader that goes away changes nothing.
 */
export function mountWires(app: App, parts: WireParts): void {
  mountCompletions(app, parts);
  mountModels(app, parts);
  mountResponses(app, parts);
  mountUiChat(app, parts);
  mountCompanion(app, parts);
}

/** Opens the stream of a wire again by its source, for a repeated idempotency key; undefined where it is no wire’s. */
export function followWire(
  parts: Pick<WireParts, 'database' | 'feed' | 'log'>,
  tenantId: string,
  source: string,
): EventStream | undefined {
  const [wire, runId = '', option, after] = source.split(':');
  if (wire === 'completion') return completionStream(parts, tenantId, runId, option === 'usage', Number(after ?? 0));
  if (wire === 'response') return responseStream(parts, tenantId, { id: runId, after: Number(option ?? 0) }, -1);
  if (wire === 'ui') return uiStream(parts, tenantId, runId, { after: Number(option ?? 0) });
  return undefined;
}
