import type { RunEvent } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import { errorOfEvent } from '@reeve/runs';

/** The error of a run that did not complete; without one its events stopped before its end, as when the server stops. */
export function runFailure(runId: string, error: Extract<RunEvent, { type: 'error' }> | undefined): ReeveError {
  if (error === undefined)
    return new ReeveError(
      'shutting_down',
      `the server stops; the run goes on, follow it at /api/v1/runs/${runId}/events`,
      {
        runId,
      },
    );
  return errorOfEvent(error, runId);
}
