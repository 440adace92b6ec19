import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { keepResult, readResult } from './result.ts';
import { redactSecrets } from './secrets.ts';

const redact = redactSecrets({
  transport: 'http',
  url: 'https://mcp.example/',
  headers: { Authorization: 'header-s3cr3t' },
});
const { signal } = new AbortController();
const blob = (uri: string, content: string) => ({
  type: 'resource' as const,
  resource: { uri, blob: Buffer.from(content).toString('base64') },
});

describe('the files of a result', () => {
  let workspace: string;
  before(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'reeve-result-'));
  });
  after(() => rm(workspace, { recursive: true }));
  const keep = async (content: ReturnType<typeof blob>[], requireRoom = async () => undefined as void) => {
    const { status, result } = await keepResult(readResult({ content }, redact), {
      sessionId: 's',
      workspace,
      quota: { requireRoom },
      signal,
    });
    return { status, attachments: (result as { attachments: Record<string, unknown>[] }).attachments };
  };

  it('are twenty at most; the others are named', async () => {
    const { attachments } = await keep(Array.from({ length: 22 }, (_, n) => blob(`file:///${n}.txt`, `number ${n}`)));
    assert.equal(attachments.filter(({ path }) => path !== undefined).length, 20);
    assert.deepEqual(attachments.at(-1), {
      type: 'file',
      media_type: null,
      size: 9,
      not_kept: 'of one result, 20 files are kept',
    });
  });

  it('hold nothing that the server was sent, in no name and no byte', async () => {
    const { attachments } = await keep([blob('file:///header-s3cr3t.bin?x', '\u0000ü header-s3cr3t ü')]);
    const path = String(attachments[0]!['path']);
    assert.match(path, /^attachments\/[\da-f]{12}\/\*\*\*\.bin$/);
    assert.equal(await readFile(join(workspace, path), 'utf8'), '\u0000ü *** ü');
  });

  it('do not cost the result where the workspace has no room or the disk fails', async () => {
    for (const [error, reason] of [
      [new ReeveError('limit_reached', 'the workspace is full'), 'the workspace is full'],
      [new Error('ENOSPC'), 'it could not be written'],
    ] as const) {
      const { status, attachments } = await keep([blob('file:///late.txt', `new ${reason}`)], () =>
        Promise.reject(error),
      );
      assert.deepEqual([status, attachments[0]!['not_kept']], ['success', reason]);
    }
  });
});
