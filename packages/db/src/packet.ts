import pg from 'pg';
import type { Statement } from './sql.ts';

/** A statement as a packet carries it. */
export interface SentStatement extends Statement {
  /** What it is kept prepared as; undefined: it is planned for this once. */
  readonly name?: string | undefined;
  /** The connection does not have it under that name, or nobody knows whether. */
  readonly isNew: boolean;
}

export type Answer = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>;

/**
 * Sends statements in one packet and answers what each answered. To the server they are one unit: after the first that fails none
 * runs, so a `begin` that fails cannot leave those behind it to run by themselves.
 */
export async function sendPacket(
  client: pg.PoolClient,
  statements: readonly SentStatement[],
): Promise<readonly Answer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | readonly Answer[]>();
  client.query(new Packet(statements, (error, answers) => (error ? reject(error) : resolve(answers))));
  try {
    return ([] as Answer[]).concat(await promise);
  } catch (error) {
    // From the socket's events to whoever sent it, as the driver does.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

/** The driver's own query of one statement gathers the answers, of any number, as it does for statements with a `;` between. */
class Packet extends pg.Query {
  readonly #statements: readonly SentStatement[];

  constructor(
    statements: readonly SentStatement[],
    end: (error: Error | undefined, answers: Answer | readonly Answer[]) => void,
  ) {
    // This text is not sent: it is for whoever watches the driver's queries.
    super({ text: statements.map(({ text }) => text).join('; ') }, end as never);
    // Here, since a value that cannot be sent must not be met when half of the packet is.
    this.#statements = statements.map((one) => ({
      ...one,
      parameters: one.parameters.map((value) => prepareValue(value)),
    }));
  }

  override submit = (connection: pg.Connection): null => {
    connection.stream.cork();
    for (const { text, parameters, name = '', isNew } of this.#statements) {
      if (isNew && name !== '') driver(connection).close({ type: 'S', name });
      if (isNew || name === '') driver(connection).parse({ text, name });
      driver(connection).bind({ portal: '', statement: name, values: parameters });
      driver(connection).describe({ type: 'P', name: '' });
      driver(connection).execute({ portal: '' });
    }
    connection.sync();
    connection.stream.uncork();
    return null;
  };
}

/** A value as the driver sends it. */
const { prepareValue } = (pg as typeof pg & { readonly utils: { prepareValue(value: unknown): unknown } }).utils;

/** Messages as the driver writes them, whose types are those of an older one. */
interface Messages {
  close(message: { type: 'S'; name: string }): void;
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly unknown[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string }): void;
}

function driver(connection: pg.Connection): Messages {
  return connection as unknown as Messages;
}
