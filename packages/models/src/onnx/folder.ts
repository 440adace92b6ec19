import { readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { digestOf } from './digest.ts';
import type { ModelFolder } from './model-folder.ts';

const MODEL_FILES = ['model', 'model_quantized', 'model_int8', 'model_uint8'].flatMap((name) => [
  `onnx/${name}.onnx`,
  `${name}.onnx`,
]);
const USUAL_TOKENS = 512;
const MOST_TOKENS = 8_192;
/** WebAssembly has 4 GiB, in which a model is three times while it is loaded. */
const MOST_BYTES = 2 ** 30;

const TokenizerConfig = z.looseObject({ model_max_length: z.number().positive().optional() });
const Config = z.looseObject({
  max_position_embeddings: z.number().int().positive().optional(),
  pad_token_id: z.number().int().min(0).nullish(),
});
const SentenceConfig = z.looseObject({ max_seq_length: z.number().int().positive().nullish() });
const Modules = z.array(z.looseObject({ type: z.string() }));

/**
 * Looks at a model's folder without loading the model; only its bytes are read, for the digest. A relative path begins where the
 * process was started. Throws `invalid_request` that says what is missing or cannot be used.
 */
export function readModelFolder(given: string | undefined): ModelFolder {
  if (given === undefined) throw refusal(`is not set. ${WANTED}`);
  const path = resolve(given);
  if (!isThere(path, 'folder')) {
    const where = path === given ? '' : `, which is ${path}`;
    throw refusal(`is ${JSON.stringify(given)}${where}, but there is no such folder. ${WANTED}`);
  }
  const inside = (name: string) => (isThere(join(path, name), 'file') ? join(path, name) : undefined);
  const modelFile = MODEL_FILES.map(inside).find((file) => file !== undefined);
  if (modelFile === undefined) throw refusal(`is ${path}, which holds none of ${MODEL_FILES.join(', ')}. ${WANTED}`);
  const dataFile = isThere(`${modelFile}_data`, 'file') ? `${modelFile}_data` : undefined;
  if (inside('tokenizer.json') === undefined) throw refusal(`is ${path}, which holds no tokenizer.json. ${WANTED}`);
  const files = [modelFile, dataFile].filter((file) => file !== undefined);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  if (bytes > MOST_BYTES)
    throw refusal(`is ${path}, whose model has ${Math.ceil(bytes / 2 ** 20)} MiB: 1024 at most; take a quantized one`);
  readJson(path, 'tokenizer.json', z.looseObject({ model: z.looseObject({}) }));
  const config = readJson(path, 'config.json', Config);
  refuseUnknownModules(path);
  const described = {
    path,
    name: basename(path),
    modelFile,
    dataFile,
    bytes,
    pooling: poolingOf(path),
    maxTokens: maxTokensOf(path, config?.max_position_embeddings),
    paddingId: config?.pad_token_id ?? 0,
  };
  return { ...described, digest: digestOf(described) };
}

const WANTED =
  'It has to be the path of a folder as it comes from Hugging Face, with tokenizer.json and onnx/model.onnx; nothing is downloaded';

function refusal(what: string, cause?: unknown): ReeveError {
  const message = `EMBEDDING_PROVIDER is onnx, and EMBEDDING_MODEL ${what}`;
  return new ReeveError('invalid_request', message, { cause, details: [{ path: 'EMBEDDING_MODEL', message }] });
}

function isThere(path: string, kind: 'file' | 'folder'): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return kind === 'file' ? (found?.isFile() ?? false) : (found?.isDirectory() ?? false);
}

/** Undefined where the file is not there. */
function readJson<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
): z.output<Schema> | undefined {
  const file = join(folder, name);
  if (!isThere(file, 'file')) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : (error as Error).message;
    throw refusal(`is ${folder}, whose ${name} cannot be used: ${why}`, error);
  }
}

/** What sentence-transformers does after the model; a layer more would make other vectors. */
function refuseUnknownModules(path: string): void {
  const types = (readJson(path, 'modules.json', Modules) ?? []).map(({ type }) => type.split('.').at(-1)!);
  const unknown = types.find((type) => !['Transformer', 'Pooling', 'Normalize'].includes(type));
  if (unknown !== undefined)
    throw refusal(
      `is ${path}, whose modules.json asks for ${unknown}: only Transformer, Pooling and Normalize are known`,
    );
}

function poolingOf(path: string): 'mean' | 'cls' {
  const config = Object.entries(readJson(path, '1_Pooling/config.json', z.looseObject({})) ?? {});
  const modes = config.flatMap(([key, value]) =>
    key.startsWith('pooling_mode_') && value === true ? [key.slice('pooling_mode_'.length)] : [],
  );
  if (modes.length === 0 || modes.join() === 'mean_tokens') return 'mean';
  if (modes.join() === 'cls_token') return 'cls';
  throw refusal(
    `is ${path}, whose 1_Pooling/config.json asks for ${modes.join(' and ')}: only mean_tokens or cls_token is known`,
  );
}

/** What sentence-transformers says, else 512 at most; never more than tokenizer and model can. */
function maxTokensOf(path: string, positions = Infinity): number {
  const told = readJson(path, 'sentence_bert_config.json', SentenceConfig)?.max_seq_length ?? USUAL_TOKENS;
  const { model_max_length: most = Infinity } = readJson(path, 'tokenizer_config.json', TokenizerConfig) ?? {};
  return Math.floor(Math.min(told, most, positions, MOST_TOKENS));
}
