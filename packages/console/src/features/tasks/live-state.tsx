import type { FeedState } from '../../api/task-feed.ts';
import { Status } from '../../ui/status.tsx';

const WORDS = {
  live: ['ok', 'Live', 'Changes show as they happen.'],
  connecting: ['queued', 'Connecting', 'Changes show within seconds meanwhile.'],
  lost: ['degraded', 'Looking every 4 s', 'The stream of changes is lost; the console tries to get it back.'],
} as const;

/** Whether what is shown follows the server as it happens. */
export function LiveState({ state }: { readonly state: FeedState }) {
  const [status, text, why] = WORDS[state];
  return (
    <span role="status" title={why} data-live={state}>
      <Status status={status} text={text} />
    </span>
  );
}
