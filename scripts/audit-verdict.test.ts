import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

function judge(said: string): { status: number | null; text: string } {
  const script = join(import.meta.dirname, 'audit-verdict.mjs');
  const { status, stdout } = spawnSync(process.execPath, [script], { input: said, encoding: 'utf8' });
  return { status, text: stdout };
}
const report = (vulnerabilities: object) => JSON.stringify({ vulnerabilities: {}, metadata: { vulnerabilities } });

it('the audit of dependencies fails for what is high or critical, and for nothing less', () => {
  assert.equal(judge(report({ high: 1 })).status, 1);
  assert.equal(judge(report({ critical: 1 })).status, 1);
  assert.equal(judge(report({ info: 3, low: 2, moderate: 7, high: 0, critical: 0 })).status, 0);
});

it('a registry that answers no audits is said, and is no failure', () => {
  const refused = judge('{"message": "405 Method Not Allowed"}');
  assert.deepEqual([refused.status, refused.text], [0, 'not audited: 405 Method Not Allowed\n']);
  for (const said of ['', 'nonsense', '{}']) assert.match(judge(said).text, /^not audited/);
});
