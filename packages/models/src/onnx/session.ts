import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { digestOf } from './digest.ts';
import { createEncode, padRows, type TokenRows } from './encode.ts';
import type { ModelFolder } from './model-folder.ts';
import { normalize, pool } from './pool.ts';

/** Texts as vectors of length 1, in their order. */
export interface OnnxVectors {
  readonly vectors: Float32Array[];
  /** What the model read, special tokens included and padding not. */
  readonly tokens: number;
}

/** A model that is loaded. */
export interface OnnxModel {
  /** Embeds texts at once, so that they take as much memory as the longest times their number. */
  embed(texts: readonly string[]): Promise<OnnxVectors>;
}

// WebAssembly on this thread alone, out of the package's own file: nothing is fetched and no thread is started.
const WASM = fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));

/**
 * Loads a model. Throws with a message for people where it is damaged, is no embedding model, needs inputs that nobody has, or is
 * not the one any more whose digest was taken.
 */
export async function loadModel(folder: ModelFolder): Promise<OnnxModel> {
  if (digestOf(folder) !== folder.digest) throw new Error('its files have changed since the start: start again');
  const encode = openTokenizer(folder);
  const session = await openSession(folder);
  refuseUnknownInputs(session);
  const output = outputOf(session);
  return {
    async embed(texts) {
      const rows = padRows(
        texts.map((text) => encode(text, folder.maxTokens)),
        folder.paddingId,
      );
      const { [output]: answer } = await session.run(feedsOf(session, rows), [output]);
      const vectors = readVectors(answer!, rows, output, folder.pooling);
      answer!.dispose();
      return { vectors: vectors.map(normalize), tokens: rows.mask.reduce((sum, one) => sum + one, 0) };
    },
  };
}

function openTokenizer({ path }: ModelFolder) {
  const read = (name: string) => JSON.parse(readFileSync(join(path, name), 'utf8')) as object;
  try {
    return createEncode(read('tokenizer.json'), optional(() => read('tokenizer_config.json')) ?? {});
  } catch (error) {
    throw new Error(`its tokenizer cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

function optional<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function openSession({ modelFile, dataFile }: ModelFolder): Promise<InferenceSession> {
  env.wasm.numThreads = 1;
  env.wasm.wasmBinary = readFileSync(WASM);
  const externalData = dataFile === undefined ? [] : [{ path: basename(dataFile), data: readFileSync(dataFile) }];
  try {
    return await InferenceSession.create(readFileSync(modelFile), {
      executionProviders: ['wasm'],
      externalData,
      logSeverityLevel: 4,
    });
  } catch (error) {
    throw new Error(`${basename(modelFile)} cannot be loaded: ${(error as Error).message}`, { cause: error });
  }
}

const INPUTS: Readonly<Record<string, (rows: TokenRows) => readonly number[]>> = {
  input_ids: ({ ids }) => ids,
  attention_mask: ({ mask }) => mask,
  token_type_ids: ({ ids }) => ids.map(() => 0),
};

function refuseUnknownInputs({ inputNames }: InferenceSession): void {
  const unknown = inputNames.filter((name) => !(name in INPUTS));
  if (unknown.length > 0 || !inputNames.includes('input_ids'))
    throw new Error(
      `it is no embedding model for texts: it takes ${inputNames.join(', ')}, and only ${Object.keys(INPUTS).join(', ')} are known`,
    );
}

const OUTPUTS = ['sentence_embedding', 'last_hidden_state', 'token_embeddings'];

function outputOf({ outputNames }: InferenceSession): string {
  const output = OUTPUTS.find((name) => outputNames.includes(name));
  if (output === undefined)
    throw new Error(
      `it is no embedding model: it answers ${outputNames.join(', ')}, and none of ${OUTPUTS.join(', ')}`,
    );
  return output;
}

function feedsOf(session: InferenceSession, rows: TokenRows): Record<string, Tensor> {
  return Object.fromEntries(
    session.inputMetadata.map((input) => {
      const values = INPUTS[input.name]!(rows);
      const isShort = input.isTensor && input.type === 'int32';
      const shape = [rows.texts, rows.tokens];
      return [
        input.name,
        isShort
          ? new Tensor('int32', Int32Array.from(values), shape)
          : new Tensor('int64', BigInt64Array.from(values, BigInt), shape),
      ];
    }),
  );
}

function readVectors(
  { data, dims, type }: Tensor,
  { texts, tokens, mask }: TokenRows,
  output: string,
  pooling: ModelFolder['pooling'],
): Float32Array[] {
  const dimensions = dims.at(-1) ?? 0;
  const shape = output === 'sentence_embedding' ? [texts, dimensions] : [texts, tokens, dimensions];
  if (!(data instanceof Float32Array) || dims.join() !== shape.join() || dimensions === 0)
    throw new Error(`its ${output} is ${type} of ${dims.join(' × ')}, where float32 of ${shape.join(' × ')} is wanted`);
  if (output !== 'sentence_embedding') return pool({ data, texts, tokens, dimensions }, mask, pooling);
  return Array.from({ length: texts }, (_, text) => data.slice(text * dimensions, (text + 1) * dimensions));
}
