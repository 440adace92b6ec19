/*
 * Loads an extension and does what is asked of it. Runs in the sandbox, in a process for each question, beside code that nobody
 * trusts: what it needs later it takes hold of before that code is loaded.
 */
import { readFileSync, writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ANSWER_FD, PLACES, type Answer, type Question } from './wire.ts';

interface Loaded {
  readonly name: unknown;
  readonly description: unknown;
  readonly effect: unknown;
  readonly timeoutMs?: unknown;
  readonly input: unknown;
  execute(input: unknown, call: unknown): unknown;
}

interface Checker {
  validate(value: unknown): Checked | Promise<Checked>;
  readonly jsonSchema?: { input(options: { target: string }): unknown };
}

type Checked = {
  readonly value?: unknown;
  readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] }[];
};

const { parse, stringify } = JSON;
const { from } = Buffer;
const [write, { stdout, stderr }] = [writeSync, process];
const exit = process.exit.bind(process);
const question = parse(readFileSync(0, 'utf8')) as Question;

registerHooks({
  resolve(name, context, next) {
    if (name === '@reeve/client')
      return { url: pathToFileURL(`${PLACES.client}/define-tool.ts`).href, shortCircuit: true };
    const found = name === 'zod' || name.startsWith('zod/') ? ownOrOurs(name, context, next) : next(name, context);
    const isOwn = found.url.startsWith(`file://${PLACES.extensions}/`) && !found.url.includes('/node_modules/');
    // An extension is a module whatever a package.json says or does not say.
    return isOwn && found.url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found;
  },
});

try {
  answer(await reply(question));
} catch (error) {
  answer({ kind: 'failed', message: messageOf(error) });
}
// Timers and sockets that a tool leaves behind are not waited for; what it printed is.
stdout.write('', () => stderr.write('', () => exit(0)));

async function reply({ file, call }: Question): Promise<Answer> {
  const tool = toolOf((await import(pathToFileURL(file).href)) as Record<string, unknown>);
  const checker = await checkerOf(tool.input);
  if (call === null) {
    const { name, description, effect, timeoutMs } = tool;
    return { kind: 'tool', tool: { name, description, effect, timeoutMs, inputSchema: schemaOf(tool.input, checker) } };
  }
  const { value, issues } = await checker.validate(call.input);
  if (issues !== undefined) return { kind: 'wrong', issues: issues.slice(0, 10).map(lineOf) };
  return { kind: 'result', value: await tool.execute(value, { ...call.context, workspace: process.cwd() }) };
}

/** The one tool that a module exports, under whatever name. */
function toolOf(module: Readonly<Record<string, unknown>>): Loaded {
  const tools = new Set(Object.values(module).filter(isTool));
  const [tool] = tools;
  if (tool === undefined) throw new Error('it exports no tool: export what defineTool of @reeve/client answers');
  if (tools.size > 1) throw new Error(`it exports ${tools.size} tools: each needs a file of its own`);
  return tool;
}

function isTool(value: unknown): value is Loaded {
  return typeof value === 'object' && value !== null && Symbol.for('reeve.tool') in value;
}

/** What checks the input of a tool: its own schema, or one that is made of JSON Schema. */
async function checkerOf(input: unknown): Promise<Checker> {
  const own = (input as { '~standard'?: Checker } | null | undefined)?.['~standard'];
  if (own !== undefined) return own;
  const { fromJSONSchema } = await import('zod');
  return fromJSONSchema(input as Parameters<typeof fromJSONSchema>[0])['~standard'] as Checker;
}

function schemaOf(input: unknown, { jsonSchema }: Checker): unknown {
  if (!('~standard' in (input as object))) return input;
  if (jsonSchema === undefined)
    throw new Error('its input cannot be told as JSON Schema: use zod 4.2 or newer, or give JSON Schema itself');
  return jsonSchema.input({ target: 'draft-2020-12' });
}

/** The zod of the extension's own node_modules where it has one, else Reeve's. */
function ownOrOurs<Context extends { parentURL?: string | undefined }, Found>(
  name: string,
  context: Context,
  next: (name: string, context: Context) => Found,
): Found {
  try {
    return next(name, context);
  } catch {
    return next(name, { ...context, parentURL: import.meta.url });
  }
}

/** Writes the answer behind its mark, as a line of its own whatever else was written there. */
function answer(said: Answer): void {
  let json: string;
  try {
    json = stringify(said.kind === 'result' ? { ...said, value: said.value ?? null } : said);
  } catch (error) {
    json = stringify({ kind: 'failed', message: `its result is not JSON: ${messageOf(error)}` });
  }
  const bytes = from(`\n${question.mark}${json}\n`);
  for (let at = 0; at < bytes.length;) at += write(ANSWER_FD, bytes, at);
}

function lineOf({ path = [], message }: { message: string; path?: readonly unknown[] }): string {
  // A step of the path is a key, or an object that holds one.
  const where = path.map((step) =>
    String(typeof step === 'object' && step !== null && 'key' in step ? step.key : step),
  );
  return where.length === 0 ? message : `${where.join('.')}: ${message}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}` : String(error);
}
