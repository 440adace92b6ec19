import { formatAgo, formatDate } from './format.ts';
import { useNow } from './use-now.ts';

interface AgoProps {
  readonly time: string;
  /** Set where the time itself is a cell of a table that is not made of table elements. */
  readonly role?: 'cell';
  readonly className?: string | undefined;
}

/** A time as "5 min ago", kept current; the exact time is in its tooltip. */
export function Ago({ time, ...cell }: AgoProps) {
  const now = useNow();
  return (
    <time {...cell} dateTime={time} title={formatDate(time)} style={{ whiteSpace: 'nowrap' }}>
      {formatAgo(time, Math.max(now, Date.parse(time)))}
    </time>
  );
}
