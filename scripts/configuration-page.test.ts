import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { flag, secret, setting } from '../packages/kit/src/config.ts';
import { configurationPage, unlisted } from './configuration-page.ts';

const root = join(import.meta.dirname, '..');

test('the page has a row for each setting, with its default, its values and its description', () => {
  const page = configurationPage([
    {
      title: 'Ports',
      more: 'See [there](there.md).',
      settings: {
        port: setting('PORT', z.coerce.number().min(0).max(9).default(3).describe('Port | socket.')),
        mode: setting('MODE', z.enum(['a', 'b']).optional().describe('Mode.')),
        isOn: setting('IS_ON', flag.default(true).describe('On.')),
        door: setting(
          'DOOR',
          z
            .union([z.literal('off'), z.coerce.number().min(1).max(2)])
            .default(1)
            .describe('Door.'),
        ),
        path: setting('FILE', z.string().default(join(root, 'conf/x.yaml')).describe('File.')),
        key: secret('KEY', z.string().optional().describe('Key.')),
      },
    },
  ]);
  assert.equal(
    page.slice(page.indexOf('## ')),
    [
      '## Ports',
      'See [there](there.md).',
      '',
      '| variable | default | values | |',
      '|---|---|---|---|',
      '| `PORT` | `3` | 0 to 9 | Port \\| socket. |',
      '| `MODE` |  | `a`, `b` | Mode. |',
      '| `IS_ON` | `true` | `true`, `false` | On. |',
      '| `DOOR` | `1` | `off`, 1 to 2 | Door. |',
      '| `FILE` | `conf/x.yaml` |  | File. |',
      '| `KEY` |  |  | Key. Secret. |',
      '',
    ].join('\n'),
  );
});

test('a setting that no section lists is named', () => {
  const [one, other] = [setting('ONE', z.string()), setting('OTHER', z.string())];
  assert.deepEqual(unlisted({ one, other }, [{ title: 'Some', settings: { one } }]), ['OTHER']);
});
