import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sessionFileName } from './session-file-name.ts';

it('an exported session is called by its title, and any title gives a name for a file', () => {
  const id = '01934f5e-0000-7000-8000-00009f3c01ab';
  assert.equal(sessionFileName('When does the “gong” ring?', id), 'session-when-does-the-gong-ring-9f3c01ab.json');
  assert.equal(sessionFileName('', id), 'session-9f3c01ab.json');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (title) => {
      const name = sessionFileName(title, id);
      assert.match(name, /^session-([\p{L}\p{N}\ufffd]+-)*9f3c01ab\.json$/u);
      assert.ok(name.isWellFormed() && name.length <= 90);
    }),
    cases(),
  );
});
