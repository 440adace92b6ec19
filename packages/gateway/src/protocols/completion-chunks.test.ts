import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewRunEvent } from '@reeve/contract';
import { chunksOfRun } from './completion-chunks.ts';
import { again, call, logOf, read, result, stream, text, usage } from '../../test/log.ts';

describe('a run as chunks of a chat completion', () => {
  const contents = async (events: readonly NewRunEvent[], end: 'completed' | 'failed' | 'none' = 'completed') => {
    const log = logOf(events, end === 'none' ? undefined : end);
    const chunks = await read(chunksOfRun('run', stream(log), false));
    return chunks.flatMap(({ choices }) => choices[0]?.delta.content ?? []).filter((content) => content !== '');
  };

  it('separates the texts of steps by an empty line', async () => {
    assert.deepEqual(await contents([text(1, 'a'), text(1, 'b'), usage(1), call(2), result(2), text(3, 'c')]), [
      'a',
      'b',
      '\n\nc',
    ]);
  });

  it('sends the text of a repeated step once', async () => {
    const twice = [text(1, 'one '), text(1, 'two '), again(1), text(1, 'one'), text(1, ' two three'), usage(1)];
    assert.deepEqual(await contents(twice), ['one ', 'two ', 'three']);
  });

  it('fails if a repeated step returns another or a shorter text', async () => {
    await assert.rejects(contents([text(1, 'one'), again(1), text(1, 'two'), usage(1)]), /answers differently/);
    await assert.rejects(contents([text(1, 'one two'), again(1), text(1, 'one'), usage(1)]), /answers differently/);
  });

  it('ends with the run’s error, and says where the run goes on when its events stop before its end', async () => {
    const failed: NewRunEvent = { type: 'error', code: 'limit_reached', message: 'too long' };
    await assert.rejects(contents([failed], 'failed'), { reason: 'limit_reached', message: 'too long' });
    await assert.rejects(contents([text(1, 'a')], 'none'), { reason: 'shutting_down' });
  });
});
