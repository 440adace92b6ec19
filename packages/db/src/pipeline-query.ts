import pg from 'pg';
import type { Statement } from './sql.ts';

/** A statement of a pipeline. */
export interface SentStatement extends Statement {
  /** The name that it is prepared under; undefined: it is planned for this once. */
  readonly name?: string | undefined;
  /** The connection may lack it under that name, so it is prepared first. */
  readonly isNew: boolean;
}

export type Answer = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>;

/**
 * Sends statements in one pipeline with one Sync and returns the answer of each. To the server they are one unit: after the first that
 * fails none runs, so a `begin` that fails cannot leave those behind it to run by themselves.
 */
export async function sendPipeline(
  client: pg.PoolClient,
  statements: readonly SentStatement[],
): Promise<readonly Answer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | readonly Answer[]>();
  client.query(new PipelineQuery(statements, (error, answers) => (error ? reject(error) : resolve(answers))));
  try {
    return ([] as Answer[]).concat(await promise);
  } catch (error) {
    // The stack of the caller instead of the socket's events, as the driver does.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

/** The driver's own query of one statement gathers the answers, of any number, as it does for statements with a `;` between. */
class PipelineQuery extends pg.Query {
  readonly #statements: readonly SentStatement[];

  constructor(
    statements: readonly SentStatement[],
    end: (error: Error | undefined, answers: Answer | readonly Answer[]) => void,
  ) {
    // This text is not sent: it is for tools that watch the driver's queries.
    super({ text: statements.map(({ text }) => text).join('; ') }, end as never);
    // Here, since a value that cannot be sent must fail before half of the pipeline is written.
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
