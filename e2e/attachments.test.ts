import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ClientError, createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import OpenAI, { APIError, BadRequestError } from 'openai';

/** A picture of one red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const PICTURE = `data:image/png;base64,${PNG}`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const AGENT = 'agent/assistant';

describe('files that come with messages', { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-attachments-'));
  const table = join(directory, 'models.yaml');
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let openai: OpenAI;
  let client: Client;
  before(async () => {
    const entry = 'max_output_tokens: 100\n    usd_per_million: null\n';
    writeFileSync(table, `models:\n  openai-compatible/blind:\n    images: false\n    ${entry}`);
    upstream = await startFakeUpstream();
    reeve = await startReeve({ ...upstream.environment, REEVE_MODELS_FILE: table });
    openai = new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'none', maxRetries: 0 });
    client = createClient({ baseUrl: reeve.url });
  });
  beforeEach(() => {
    upstream.reset();
    upstream.respond(() => ({ text: ['I see.'] }));
  });
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  /** The images and the text of the last message of the user that a model was sent. */
  function shown({ body }: FakeUpstream['requests'][number]): { images: string[]; text: string } {
    const messages = body['messages'] as { role: string; content: unknown }[];
    const content = messages.findLast(({ role }) => role === 'user')!.content;
    if (typeof content === 'string') return { images: [], text: content };
    const parts = content as { type: string; text?: string; image_url?: { url: string } }[];
    return {
      images: parts.flatMap(({ image_url }) => image_url?.url ?? []),
      text: parts.map(({ text = '' }) => text).join(''),
    };
  }
  const last = () => shown(upstream.requests.at(-1)!);
  const put = (id: string, path: string, content: string | Uint8Array<ArrayBuffer>) =>
    client.call(routes.uploadFile, { params: { id }, query: { path }, upload: new Blob([content]) });
  const pixel = new Uint8Array(Buffer.from(PNG, 'base64'));

  it('go through Chat Completions to an agent’s model, are files of the session, and are shown again in the next turn', async () => {
    const session = newId();
    const asked = {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text: 'What is it?' },
        { type: 'image_url' as const, image_url: { url: PICTURE } },
      ],
    };
    const options = { headers: { 'x-session-id': session } };
    await openai.chat.completions.create({ model: AGENT, messages: [asked] }, options);
    assert.deepEqual(last().images, [PICTURE]);
    assert.match(last().text, /^What is it\?/);
    const { messages } = await client.call(routes.getSession, { params: { id: session } });
    const [file] = messages[0]!.attachments ?? [];
    assert.deepEqual([file?.media_type, file?.size, file?.session_id], ['image/png', pixel.length, session]);
    assert.ok(last().text.includes(file!.path), 'tools find it by its path');
    const kept = await client.bytes(routes.downloadFile, { params: { id: session }, query: { path: file!.path } });
    assert.deepEqual(new Uint8Array(await kept.arrayBuffer()), pixel);
    const { entries } = await client.call(routes.listAudit, { query: { action: 'FILE_UPLOADED', limit: 1 } });
    assert.deepEqual(entries[0]?.details, { session_id: session, path: file!.path, size: pixel.length });

    const answered = { role: 'assistant' as const, content: 'I see.' };
    const more = { role: 'user' as const, content: 'And its color?' };
    await openai.chat.completions.create({ model: AGENT, messages: [asked, answered, more] }, options);
    const sent = JSON.stringify(upstream.requests.at(-1)!.body);
    assert.equal(sent.split(PNG).length - 1, 1, 'once, though the client sent it again');
    const { runs } = await client.call(routes.listRuns, { query: { session_id: session } });
    assert.equal(runs.filter(({ attachments }) => attachments?.length === 1).length, 1);
  });

  it('are taken over from a conversation that a client brings along', async () => {
    const messages = [
      { role: 'user' as const, content: [{ type: 'image_url' as const, image_url: { url: PICTURE } }] },
      { role: 'assistant' as const, content: 'A pixel.' },
      { role: 'user' as const, content: 'Of what color?' },
    ];
    await openai.chat.completions.create({ model: AGENT, messages });
    assert.ok(JSON.stringify(upstream.requests.at(-1)!.body).includes(PNG));
  });

  it('go through Responses: an image, a text, and one that is neither', async () => {
    const content = [
      { type: 'input_text' as const, text: 'Sum it up.' },
      { type: 'input_image' as const, image_url: PICTURE, detail: 'auto' as const },
      {
        type: 'input_file' as const,
        filename: '../notes.md',
        file_data: `data:text/markdown;base64,${base64('# Plan\nBuy milk — twice.')}`,
      },
      {
        type: 'input_file' as const,
        filename: 'data.bin',
        file_data: `data:application/octet-stream;base64,${Buffer.from([0, 1, 2]).toString('base64')}`,
      },
    ];
    const response = await openai.responses.create({ model: AGENT, input: [{ role: 'user', content }] });
    assert.equal(response.output_text, 'I see.');
    assert.deepEqual(last().images, [PICTURE]);
    assert.match(last().text, /# Plan\nBuy milk — twice\./);
    assert.match(last().text, /attachments\/[\da-f]{12}\/notes\.md \(text\/plain/);
    assert.match(last().text, /attachments\/[\da-f]{12}\/data\.bin \(application\/octet-stream, 3 bytes\)/);
  });

  it('go through the AI SDK’s chat', async () => {
    const parts = [
      { type: 'text', text: 'What is it?' },
      { type: 'file', mediaType: 'image/png', filename: 'red.png', url: PICTURE },
    ];
    const body = JSON.stringify({ id: newId(), messages: [{ id: '1', role: 'user', parts }] });
    const response = await fetch(`${reeve.url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.match(await response.text(), /I see\./);
    assert.deepEqual(last().images, [PICTURE]);
    assert.match(last().text, /\/red\.png \(image\/png/);
  });

  it('are named by their paths where they are in the session already', async () => {
    const id = newId();
    await put(id, 'in/red.png', pixel);
    await put(id, 'long.csv', 'a,b\n'.repeat(20_000));
    const body = { agent_config_id: 'assistant', message: 'Look.', session_id: id, stream: false };
    await client.call(routes.chat, { body: { ...body, attachments: ['in/red.png', 'long.csv'] } });
    assert.deepEqual(last().images, [PICTURE]);
    assert.match(last().text, /\[… 47232 more bytes: read the file for them\]\n--- end of long\.csv$/);
    assert.ok(last().text.length < 40_000);

    const refused = async (attachments: string[], session_id: string | undefined, path: string) =>
      assert.rejects(
        client.call(routes.chat, { body: { ...body, session_id, attachments } }),
        (error: unknown) => error instanceof ClientError && error.status === 400 && error.details[0]?.path === path,
        path,
      );
    await put(id, 'empty', '');
    await refused(['in/red.png', 'none.png'], id, 'attachments.1');
    await refused(['../../etc/passwd'], id, 'attachments.0');
    await refused(['in'], id, 'attachments.0');
    await refused(['empty'], id, 'attachments.0');
    await refused(['none.png'], newId(), 'attachments.0');
    await refused(['in/red.png'], undefined, 'session_id');
  });

  it('that are gone, or changed, are shown no more, and the conversation goes on', async () => {
    const id = newId();
    await put(id, 'red.png', pixel);
    const body = { agent_config_id: 'assistant', session_id: id, stream: false };
    await client.call(routes.chat, { body: { ...body, message: 'Look.', attachments: ['red.png'] } });
    await client.call(routes.deleteFile, { params: { id }, query: { path: 'red.png' } });
    await client.call(routes.chat, { body: { ...body, message: 'And now?' } });
    const sent = JSON.stringify(upstream.requests.at(-1)!.body);
    assert.ok(!sent.includes(PNG) && sent.includes('red.png (image/png'));
    await put(id, 'red.png', 'no image any more');
    await client.call(routes.chat, { body: { ...body, message: 'And now?' } });
    assert.deepEqual(last().images, []);
  });

  it('are shown again in a fork that begins with the same message', async () => {
    const id = newId();
    await put(id, 'red.png', pixel);
    const { run_id } = await client.call(routes.chat, {
      body: { agent_config_id: 'assistant', session_id: id, stream: false, message: 'Look.', attachments: ['red.png'] },
    });
    const fork = await client.call(routes.forkRun, { params: { id: run_id }, body: { from_step: 1 } });
    for await (const _ of client.followRun(fork.id));
    assert.deepEqual(last().images, [PICTURE]);
  });

  it('go to a plain model by Responses, and are kept for its next answer', async () => {
    const content = [{ type: 'input_image' as const, image_url: PICTURE, detail: 'auto' as const }];
    const first = await openai.responses.create({ model: 'fake', input: [{ role: 'user', content }] });
    assert.deepEqual(last().images, [PICTURE]);
    await openai.responses.create({ model: 'fake', input: 'And now?', previous_response_id: first.id });
    assert.ok(JSON.stringify(upstream.requests.at(-1)!.body).includes(PNG));
  });

  it('are refused where the model is known to take none, before a run begins', async () => {
    const { slug } = await client.call(routes.createAgent, {
      body: { slug: 'blind', name: 'Blind', system_prompt: 'x', model_id: 'blind' },
    });
    const content = [{ type: 'image_url' as const, image_url: { url: PICTURE } }];
    await assert.rejects(
      openai.chat.completions.create({ model: `agent/${slug}`, messages: [{ role: 'user', content }] }),
      (error: unknown) => error instanceof BadRequestError && /blind of blind takes no images/.test(error.message),
    );
    assert.equal(upstream.requests.length, 0);
  });

  it('are refused by the field where they cannot be read', async () => {
    const image = (url: string) => ({ type: 'image_url' as const, image_url: { url } });
    for (const [part, param] of [
      [image('data:image/png;base64,AA=='), 'messages.0.content.0.image_url'],
      [image('data:image/png,raw'), 'messages.0.content.0.image_url'],
      [image('data:image/png;base64,not base64!'), 'messages.0.content.0.image_url'],
      [image('https://example.com/cat.png'), 'messages.0.content.0.image_url'],
      [{ type: 'file', file: { file_id: 'file_1' } }, 'messages.0.content.0.file.file_data'],
      [{ type: 'input_audio', input_audio: {} }, 'messages.0.content.0.type'],
    ] as const)
      await assert.rejects(
        openai.chat.completions.create({ model: AGENT, messages: [{ role: 'user', content: [part] }] } as never),
        (error: unknown) => error instanceof BadRequestError && error.param === param,
        JSON.stringify(part),
      );
    assert.equal(upstream.requests.length, 0);
  });

  it('may be larger than other bodies, up to a limit', async () => {
    const ask = (bytes: number) => {
      const file_data = `data:text/plain;base64,${base64('x'.repeat(bytes))}`;
      const content = [{ type: 'file' as const, file: { filename: 'big.txt', file_data } }];
      return openai.chat.completions.create({ model: AGENT, messages: [{ role: 'user', content }] });
    };
    await ask(6 * 2 ** 20);
    assert.match(last().text, /big\.txt \(text\/plain, 6291456 bytes\)/);
    for (const [bytes, status] of [
      [21 * 2 ** 20, 400],
      [25 * 2 ** 20, 413],
    ] as const)
      await assert.rejects(ask(bytes), (error: unknown) => error instanceof APIError && error.status === status);
  });
});
