import { messages, protocol, type PGlite } from '@electric-sql/pglite';

const { serialize } = protocol;

/** What a statement answered. */
interface Answer {
  readonly rows: Record<string, unknown>[];
  /** Rows that it inserted, updated or deleted; undefined for other statements. */
  readonly affectedRows: number | undefined;
}

/** Runs a statement with its parameters. Must not be called while another call is under way. */
export type RunStatement = (text: string, parameters: readonly unknown[]) => Promise<Answer>;

interface Prepared {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** Statements that are kept prepared; the least recently used goes first. */
const KEPT = 500;

/**
 * Prepares each statement when it is first met and from then on sends its parameters and its execution as one message. PGlite's
 * own `query` parses and describes each time, in five calls into WebAssembly, which takes about twice as long.
 */
export function createStatements(pglite: PGlite): RunStatement {
  const known = new Map<string, Prepared>();
  let made = 0;

  async function prepare(text: string): Promise<Prepared> {
    const name = `reeve_${++made}`;
    const answer = await send(serialize.parse({ name, text }), serialize.describe({ type: 'S', name }));
    const parameters = answer.find((message) => message instanceof messages.ParameterDescriptionMessage);
    const row = answer.find((message) => message instanceof messages.RowDescriptionMessage);
    const prepared = { name, parameters: parameters?.dataTypeIDs ?? [], fields: row?.fields ?? [] };
    known.set(text, prepared);
    const [oldest] = known.size > KEPT ? known : [];
    if (oldest !== undefined) {
      known.delete(oldest[0]);
      await send(serialize.close({ type: 'S', name: oldest[1].name }));
    }
    return prepared;
  }

  async function send(...parts: readonly Uint8Array[]) {
    const { messages: answer } = await pglite.execProtocol(Buffer.concat([...parts, serialize.sync()]));
    return answer;
  }

  /** A parameter in the text form of its type; bytes are sent as they are: its binary form, as the driver of PostgreSQL does. */
  function formOf(value: unknown, type: number | undefined): string | Uint8Array | null {
    if (value === null || value === undefined) return null;
    if (value instanceof Uint8Array) return value;
    const serializer = type === undefined ? undefined : pglite.serializers[type];
    return serializer === undefined ? String(value as string | number | boolean) : serializer(value);
  }

  return async (text, parameters) => {
    const used = known.get(text);
    if (used !== undefined) {
      known.delete(text);
      known.set(text, used);
    }
    const statement = used ?? (await prepare(text));
    const values = parameters.map((value, index) => formOf(value, statement.parameters[index]));
    const answer = await send(serialize.bind({ statement: statement.name, values }), serialize.execute());
    const rows: Record<string, unknown>[] = [];
    let affectedRows: number | undefined;
    for (const message of answer) {
      if (message instanceof messages.DataRowMessage) rows.push(rowOf(pglite, statement, message.fields));
      else if (message instanceof messages.CommandCompleteMessage) affectedRows = countOf(message.text);
    }
    return { rows, affectedRows };
  };
}

function rowOf(pglite: PGlite, { fields }: Prepared, values: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [index, { name, dataTypeID }] of fields.entries()) {
    const value = values[index] ?? null;
    const parse = pglite.parsers[dataTypeID];
    row[name] = value === null || parse === undefined ? value : parse(value, dataTypeID);
  }
  return row;
}

/** The count in a command's tag: `INSERT 0 3`, `UPDATE 3`. */
function countOf(tag: string): number | undefined {
  return /^(INSERT|UPDATE|DELETE|MERGE)/.test(tag) ? Number(tag.split(' ').at(-1)) : undefined;
}
