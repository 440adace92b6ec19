import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog } from './log.ts';
import { sleep } from './wait.ts';
import { settled, startWatching } from './watch.ts';

describe('watching a directory', () => {
  let base: string;
  before(async () => void (base = await mkdtemp(join(tmpdir(), 'reeve-watch-'))));
  after(() => rm(base, { recursive: true, force: true }));
  const options = { lookMs: 60_000, what: 'a test', log: silentLog };

  async function until(holds: () => boolean): Promise<void> {
    for (let tries = 0; !holds(); tries++) {
      assert.ok(tries < 200, 'it was not looked at');
      await sleep(25);
    }
  }

  it('looks at once, after each change and when it is asked to, also where a look has failed', async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks === 1) throw new Error('no luck');
    };
    await using watching = startWatching({ ...options, directory: base, look });
    await until(() => looks === 1);
    await writeFile(join(base, 'a'), '');
    await until(() => looks > 1);
    await sleep(100);
    const before = looks;
    watching.soon();
    await until(() => looks > before);
  });

  it('looks from time to time where the directory is not there, and ends when it is disposed', async () => {
    let looks = 0;
    const look = async () => void looks++;
    const watching = startWatching({ ...options, directory: join(base, 'none'), lookMs: 20, look });
    await until(() => looks > 3);
    await watching[Symbol.asyncDispose]();
    const ended = looks;
    await mkdir(join(base, 'none'));
    await sleep(100);
    assert.equal(looks, ended);
  });

  it('waits until something has stayed the same', async () => {
    const signs = ['a', 'b', 'c', 'c', 'd'];
    assert.equal(await settled(() => signs.shift()!, new AbortController().signal), 'c');
    assert.equal(await settled(() => 'x', AbortSignal.abort()), 'x');
  });
});
