import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLazy } from './lazy.ts';

describe('what is loaded with its first use', () => {
  it('is loaded once, for all who ask', async () => {
    let loads = 0;
    const lazy = createLazy(async () => (loads += 1));
    assert.equal(await lazy.peek(), undefined);
    assert.equal(loads, 0);
    assert.deepEqual(await Promise.all([lazy.get(), lazy.get(), lazy.peek()]), [1, 1, 1]);
    assert.equal(await lazy.get(), 1);
  });

  it('is loaded anew after a failure, of which whoever ends it hears nothing', async () => {
    let loads = 0;
    const lazy = createLazy(async () => {
      loads += 1;
      if (loads < 3) throw new Error(`no ${loads}`);
      return loads;
    });
    const first = assert.rejects(lazy.get(), /no 1/);
    assert.equal(await lazy.peek(), undefined);
    await first;
    await assert.rejects(lazy.get(), /no 2/);
    assert.equal(await lazy.peek(), undefined);
    assert.equal(await lazy.get(), 3);
    assert.equal(await lazy.peek(), 3);
  });
});
