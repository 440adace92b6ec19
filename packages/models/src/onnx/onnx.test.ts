import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@reeve/kit';
import { openEmbedder, type Embedder } from '../embeddings/embedder.ts';
import { keptLedger, readSettings, signal } from '../../test/gateway.ts';
import { openOnnxBackend, stepsOf } from './backend.ts';
import { readModelFolder } from './folder.ts';
import { copyTiny, FIXTURES, TINY } from '../../test/onnx-folder.ts';

const open = (path: string) =>
  openEmbedder(readSettings({ EMBEDDING_PROVIDER: 'onnx', EMBEDDING_MODEL: path }), silentLog)!;
const vectorsOf = async (embedder: Embedder, texts: readonly string[]) =>
  (await embedder.embed(texts, signal())).vectors;
const product = (one: Float32Array, other: Float32Array) =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0);
const isSame = (one: Float32Array, other: Float32Array) => product(one, other) > 0.99999;
/** Processes that this one has started and that still run. */
const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

const LONG = `the car ${'and more '.repeat(500)}`;

describe('a model from a folder', { timeout: 120_000 }, () => {
  it('gives the same text the same vector of length 1, and near ones to what means the same', async () => {
    await using embedder = open(TINY);
    assert.match(embedder.model, /^onnx\/tiny@[0-9a-f]{12}$/);
    assert.equal(embedder.dimensions, undefined);
    const texts = ['my doctor did buy a car', 'the physician acquired a vehicle', 'lentils need an hour'];
    const [one, other, third] = await vectorsOf(embedder, texts);
    assert.ok(Math.abs(product(one!, one!) - 1) < 1e-6);
    assert.ok(product(one!, other!) > product(one!, third!) + 0.3);
    assert.deepEqual(await vectorsOf(embedder, texts), [one, other, third]);
    assert.equal(embedder.dimensions, 8);
  });

  it('gives a text the vector that it has alone, whatever is embedded with it, and cuts one that is too long', async () => {
    await using embedder = open(TINY);
    const texts = ['car', 'the surgeon and the minute', LONG, 'two beans', 'text number one'];
    const together = await vectorsOf(embedder, texts);
    for (const [index, text] of texts.entries())
      assert.ok(isSame((await vectorsOf(embedder, [text]))[0]!, together[index]!), text.slice(0, 20));
    const [beginning] = await vectorsOf(embedder, [LONG.slice(0, 400)]);
    assert.ok(isSame(beginning!, together[2]!));
  });

  it('counts its tokens exactly, at no cost, in a row of the ledger for each batch', async () => {
    await using embedder = open(TINY);
    const ledger = keptLedger();
    const texts = Array.from({ length: 20 }, (_, index) => (index === 0 ? LONG : 'the car'));
    const { usage, vectors } = await embedder.embed(texts, signal(), ledger);
    assert.equal(vectors.length, 20);
    assert.deepEqual(usage, { inputTokens: 16 + 19 * 4, estimated: false, costNano: 0 });
    assert.deepEqual(
      ledger.rows.map(({ attempt: { provider, model, price }, end }) => [
        provider,
        model,
        price?.inputNano,
        end?.usage.input,
      ]),
      [
        ['onnx', embedder.model.slice(5), 0, 16 + 7 * 4],
        ['onnx', embedder.model.slice(5), 0, 8 * 4],
        ['onnx', embedder.model.slice(5), 0, 4 * 4],
      ],
    );
  });

  it('pools as its folder says, or takes what the model pools itself', async () => {
    using copy = copyTiny();
    const [mean] = await (async () => {
      await using embedder = open(copy.path);
      return await vectorsOf(embedder, ['the car']);
    })();
    mkdirSync(copy.of('1_Pooling'));
    writeFileSync(copy.of('1_Pooling/config.json'), '{"pooling_mode_cls_token": true}');
    await using first = open(copy.path);
    const [cls] = await vectorsOf(first, ['the car']);
    assert.ok(!isSame(mean!, cls!));
    copyFileSync(join(FIXTURES, 'sentence.onnx'), copy.of('onnx/model.onnx'));
    await using second = open(copy.path);
    // The mean of what is half its own mean points where the mean does.
    assert.ok(isSame((await vectorsOf(second, ['the car', 'a longer text of the doctor']))[0]!, mean!));
  });

  it('that cannot be used says why, and can be used once it is mended', async () => {
    using copy = copyTiny();
    const fails = async (message: RegExp) => {
      await using embedder = open(copy.path);
      await assert.rejects(vectorsOf(embedder, ['car']), { reason: 'unavailable', message });
    };
    const model = copy.of('onnx/model.onnx');
    copyFileSync(join(FIXTURES, 'classifier.onnx'), model);
    await fails(/it is no embedding model: it answers logits/);
    copyFileSync(join(TINY, 'onnx/model.onnx'), model);
    truncateSync(model, 700);
    await fails(/model\.onnx cannot be loaded: /);
    writeFileSync(model, 'version https://git-lfs.github.com/spec/v1');
    await fails(/model\.onnx cannot be loaded: /);
    copyFileSync(join(TINY, 'onnx/model.onnx'), model);
    const tokenizer = readFileSync(copy.of('tokenizer.json'), 'utf8');
    writeFileSync(copy.of('tokenizer.json'), tokenizer.replace('"WordPiece",\n    "unk', '"Runes",\n    "unk'));
    await fails(/its tokenizer cannot be used: /);
    writeFileSync(copy.of('tokenizer.json'), tokenizer);
    await using embedder = open(copy.path);
    rmSync(copy.of('config.json'));
    await assert.rejects(vectorsOf(embedder, ['car']), { message: /its files have changed since the start/ });
    copyFileSync(join(TINY, 'config.json'), copy.of('config.json'));
    assert.equal((await vectorsOf(embedder, ['car'])).length, 1);
  });

  it('refuses a text that it fails at, in the process that goes on with others', async () => {
    using copy = copyTiny();
    // A token that the tokenizer knows and the model does not.
    const tokenizer = readFileSync(copy.of('tokenizer.json'), 'utf8');
    writeFileSync(copy.of('tokenizer.json'), tokenizer.replace('"##ed": 33', '"##ed": 33, "poison": 9999'));
    await using embedder = open(copy.path);
    await vectorsOf(embedder, ['car']);
    const before = children();
    for (let n = 0; n < 7; n += 1)
      await assert.rejects(vectorsOf(embedder, ['car', 'poison']), {
        reason: 'invalid_request',
        message: /tiny cannot take such a text: .*9999/s,
      });
    assert.equal((await vectorsOf(embedder, ['car', 'doctor'])).length, 2);
    assert.deepEqual(children(), before);
  });

  it('that fails at every text cannot be used, and is loaded anew', async () => {
    using copy = copyTiny();
    const tokenizer = readFileSync(copy.of('tokenizer.json'), 'utf8');
    writeFileSync(
      copy.of('tokenizer.json'),
      tokenizer.replaceAll(/"(id|\[CLS\])": 2\b/g, '"$1": 9999').replaceAll(/"ids": \[\s*2\s*\]/g, '"ids": [9999]'),
    );
    await using embedder = open(copy.path);
    const before = children();
    await assert.rejects(vectorsOf(embedder, ['car']), { reason: 'unavailable', message: /cannot be used: / });
    assert.deepEqual(children(), before);
  });

  it('whose process is killed fails the call that it was at and answers the next', async () => {
    const before = new Set(children());
    await using embedder = open(TINY);
    await vectorsOf(embedder, ['car']);
    const [child] = children().filter((pid) => !before.has(pid));
    const call = vectorsOf(
      embedder,
      Array.from({ length: 2_000 }, () => LONG),
    );
    const failed = assert.rejects(call, { reason: 'upstream_error', message: /the process of .*tiny ended.*anew/ });
    await sleep(100);
    process.kill(child!, 'SIGKILL');
    await failed;
    assert.equal((await vectorsOf(embedder, ['car'])).length, 1);
  });

  it('keeps to its memory and its time', async () => {
    await using small = openOnnxBackend(readModelFolder(TINY), { memoryMb: 20 });
    await assert.rejects(small.send(['car'], signal()), { reason: 'upstream_error', message: /20 MiB of memory/ });
    await using slow = openOnnxBackend(readModelFolder(TINY), { timeoutMs: 1 });
    await assert.rejects(slow.send(['car'], signal()), { reason: 'timeout' });
  });

  it('leaves the event loop free, lets a query in between, and ends when cancelled or disposed', async () => {
    const before = new Set(children());
    const embedder = open(TINY);
    await vectorsOf(embedder, ['car']);
    const abort = new AbortController();
    const cancelled = assert.rejects(
      embedder.embed(
        Array.from({ length: 4_000 }, () => LONG),
        abort.signal,
      ),
      { reason: 'cancelled' },
    );
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    assert.equal((await vectorsOf(embedder, ['a query'])).length, 1);
    await sleep(300);
    clearInterval(beat);
    abort.abort();
    await cancelled;
    assert.ok(longest < 1_000, `${longest} ms`);
    assert.equal((await vectorsOf(embedder, ['car'])).length, 1);
    await embedder[Symbol.asyncDispose]();
    assert.deepEqual(
      children().filter((pid) => !before.has(pid)),
      [],
    );
    await assert.rejects(vectorsOf(embedder, ['car']), { reason: 'shutting_down' });
  });

  it('has no process before the first text', async () => {
    const before = children();
    await using embedder = open(TINY);
    assert.deepEqual(await vectorsOf(embedder, []), []);
    assert.deepEqual(children(), before);
  });
});

it('texts are embedded in steps as large as their longest text allows', () => {
  const texts = [900, 900, 900, 3_000, 10, ...Array.from({ length: 20 }, () => 1)].map((length) => 'x'.repeat(length));
  assert.deepEqual(
    stepsOf(texts).map((step) => step.length),
    [2, 1, 1, 16, 5],
  );
  assert.deepEqual(stepsOf(texts).flat(), texts);
});
