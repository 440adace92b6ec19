import { ActionIcon } from '@mantine/core';
import { formatCount } from './format.ts';
import { LeftIcon, RightIcon } from './icons.ts';
import classes from './pager.module.css';

interface PagerProps {
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly onOffset: (offset: number) => void;
  /** What lies to the left and to the right; by default what is newer and what is older. */
  readonly sides?: readonly [string, string];
}

/** Where in a list the reader is, and the way to its neighbors. */
export function Pager({ total, limit, offset, onOffset, sides = ['Newer', 'Older'] }: PagerProps) {
  if (total <= limit && offset === 0) return null;
  const last = Math.min(offset + limit, total);
  return (
    <nav className={classes.pager} aria-label="Pages">
      <ActionIcon
        variant="default"
        aria-label={sides[0]}
        disabled={offset === 0}
        onClick={() => onOffset(Math.max(0, offset - limit))}
      >
        <LeftIcon size={16} />
      </ActionIcon>
      <span>
        {total === 0
          ? 'none'
          : `${formatCount(Math.min(offset + 1, total))}–${formatCount(last)} of ${formatCount(total)}`}
      </span>
      <ActionIcon
        variant="default"
        aria-label={sides[1]}
        disabled={last >= total}
        onClick={() => onOffset(offset + limit)}
      >
        <RightIcon size={16} />
      </ActionIcon>
    </nav>
  );
}
