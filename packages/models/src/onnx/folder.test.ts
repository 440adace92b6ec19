import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, it } from 'node:test';
import type { ReeveError } from '@reeve/kit';
import { readModelFolder } from './folder.ts';
import { copyTiny, TINY } from '../../test/onnx-folder.ts';

const write = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value));
const refuses = (path: string | undefined, message: RegExp) =>
  assert.throws(
    () => readModelFolder(path),
    (error: ReeveError) => {
      assert.match(error.message, message);
      assert.deepEqual([error.reason, error.details[0]?.path], ['invalid_request', 'EMBEDDING_MODEL']);
      return true;
    },
  );

describe('the folder of an embedding model', () => {
  it('says what its files say', () => {
    const { digest, bytes, modelFile, ...folder } = readModelFolder(TINY);
    assert.deepEqual(folder, {
      path: TINY,
      name: 'tiny',
      dataFile: undefined,
      pooling: 'mean',
      maxTokens: 16,
      paddingId: 0,
    });
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.ok(bytes > 1_000 && modelFile.endsWith('tiny/onnx/model.onnx'));
    assert.deepEqual(readModelFolder(relative(process.cwd(), TINY)), readModelFolder(TINY));
  });

  it('has another digest with another file, and the same in another place', () => {
    using copy = copyTiny();
    const { digest } = readModelFolder(TINY);
    assert.equal(readModelFolder(copy.path).digest, digest);
    mkdirSync(copy.of('1_Pooling'));
    write(copy.of('1_Pooling/config.json'), { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false });
    const pooled = readModelFolder(copy.path);
    assert.equal(pooled.pooling, 'cls');
    truncateSync(copy.of('onnx/model.onnx'), 1_000);
    const cut = readModelFolder(copy.path);
    assert.equal(new Set([digest, pooled.digest, cut.digest]).size, 3);
  });

  it('takes the model at the top, or a quantized one', () => {
    using copy = copyTiny();
    for (const name of ['onnx/model_quantized.onnx', 'model.onnx']) {
      renameSync(readModelFolder(copy.path).modelFile, copy.of(name));
      assert.equal(readModelFolder(copy.path).modelFile, copy.of(name));
    }
  });

  it('cuts texts where sentence-transformers does, else after 512, and never after what the model can', () => {
    using copy = copyTiny();
    write(copy.of('sentence_bert_config.json'), { max_seq_length: 9 });
    assert.equal(readModelFolder(copy.path).maxTokens, 9);
    write(copy.of('config.json'), { max_position_embeddings: 2_048 });
    write(copy.of('sentence_bert_config.json'), { max_seq_length: 1_024 });
    write(copy.of('tokenizer_config.json'), { model_max_length: 1e30 });
    assert.equal(readModelFolder(copy.path).maxTokens, 1_024);
    rmSync(copy.of('sentence_bert_config.json'));
    assert.equal(readModelFolder(copy.path).maxTokens, 512);
  });

  it('is refused where it is not there or lacks something, with what it has to be', () => {
    refuses(undefined, /EMBEDDING_MODEL is not set\. It has to be the path of a folder/);
    refuses(
      'all-MiniLM',
      /is "all-MiniLM", which is \/.*\/all-MiniLM, but there is no such folder\. .*nothing is downloaded/,
    );
    refuses('/nowhere/model', /is "\/nowhere\/model", but there is no such folder/);
    refuses(`${TINY}/config.json`, /there is no such folder/);
    using copy = copyTiny();
    rmSync(copy.of('tokenizer.json'));
    refuses(copy.path, /holds no tokenizer\.json/);
    rmSync(copy.of('onnx'), { recursive: true });
    refuses(copy.path, /holds none of onnx\/model\.onnx, model\.onnx, /);
  });

  it('is refused where a file is damaged, or asks for what is not known', () => {
    using copy = copyTiny();
    writeFileSync(copy.of('config.json'), '{"max');
    refuses(copy.path, /whose config\.json cannot be used: .*JSON/);
    write(copy.of('config.json'), { max_position_embeddings: 'many' });
    refuses(copy.path, /whose config\.json cannot be used: .*max_position_embeddings/);
    write(copy.of('config.json'), {});
    mkdirSync(copy.of('1_Pooling'));
    write(copy.of('1_Pooling/config.json'), { pooling_mode_max_tokens: true });
    refuses(copy.path, /asks for max_tokens: only mean_tokens or cls_token/);
    rmSync(copy.of('1_Pooling'), { recursive: true });
    write(copy.of('modules.json'), [{ type: 'sentence_transformers.models.Dense' }]);
    refuses(copy.path, /modules\.json asks for Dense/);
    rmSync(copy.of('modules.json'));
    write(copy.of('tokenizer.json'), []);
    refuses(copy.path, /whose tokenizer\.json cannot be used/);
  });
});
