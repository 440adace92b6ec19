import type { Memory } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { alikeQuery, memoryQuery } from '../../api/memory.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { firstLine, formatDate } from '../../ui/format.ts';
import { Score } from '../../ui/matches.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './memory.module.css';
import { MergeForm } from './merge-form.tsx';

interface MergeMemoriesProps {
  readonly memory: Memory;
  readonly onClose: () => void;
}

/** Makes one memory of two: the reader chooses the other one among those that are alike, then says what stays. */
export function MergeMemories({ memory, onClose }: MergeMemoriesProps) {
  const query = useQuery(alikeQuery(memory));
  const [other, setOther] = useState<string>();
  return (
    <div className={classes.merge}>
      <TextBlock label="This memory" value={memory.text} />
      {query.isPending && <SkeletonRows rows={3} height={48} label="Looking for memories like it" />}
      {query.isError && (
        <ErrorPanel
          title="Memories like it could not be looked for"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data?.length === 0 && <Empty title="No other memory there has a word of it." />}
      {query.data !== undefined && query.data.length > 0 && (
        <fieldset className={classes.alike}>
          <legend>Merge it with</legend>
          {query.data.map(({ id, text, score, created_at: created }) => (
            <label key={id}>
              <input type="radio" name="other" checked={id === other} onChange={() => setOther(id)} />
              <span>
                {firstLine(text)}
                <small>
                  {formatDate(created)} · <Score score={score} />
                </small>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      {other !== undefined && <Chosen key={other} memory={memory} other={other} onClose={onClose} />}
    </div>
  );
}

interface ChosenProps extends MergeMemoriesProps {
  readonly other: string;
}

function Chosen({ memory, other: id, onClose }: ChosenProps) {
  const { data: other, isError, error, refetch } = useQuery(memoryQuery(id));
  if (other !== undefined) return <MergeForm one={memory} other={other} onClose={onClose} />;
  return isError ? (
    <ErrorPanel title="The other memory could not be loaded" error={error} onRetry={() => void refetch()} />
  ) : (
    <SkeletonRows rows={2} height={56} label="Loading the other memory" />
  );
}
