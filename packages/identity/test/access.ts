import { routes } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { createApp, Reply, type App } from '@reeve/http';
import { loadConfig, silentLog, type Log } from '@reeve/kit';
import { openAuthenticator, type Authenticator } from '../src/authenticate.ts';
import { identitySettings } from '../src/config.ts';
import { mountKeys } from '../src/keys/routes.ts';

/** For tests: a key of the configuration, who is an admin of the tenant `default`. */
export const ADMIN_KEY = 'rv_admin_of_the_tests';
const BETWEEN = 'between-services';

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any; headers: Headers };

/** The routes of keys, and one that says who is calling, behind the real authentication. */
export interface Access extends AsyncDisposable {
  readonly app: App;
  readonly authenticator: Authenticator;
  /** Calls as the admin, unless the headers say otherwise. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Who somebody with a bearer credential is. */
  who(credential: string): Promise<Answer>;
}

/** Headers of an internal service, for the admin of another tenant. */
export const asTenant = (tenant: string) => ({
  'x-internal-service': 'true',
  'x-internal-service-secret': BETWEEN,
  'x-tenant-id': tenant,
});

export function openAccess(database: Database, environment: Record<string, string> = {}, log: Log = silentLog): Access {
  const given = { REEVE_API_KEY: ADMIN_KEY, REEVE_INTERNAL_SECRET: BETWEEN, ...environment };
  const authenticator = openAuthenticator(loadConfig(identitySettings, given).config, database, log);
  const app = createApp({
    service: 'test',
    authenticate: authenticator.authenticate,
    db: database.db,
    log: silentLog,
    stopping: new AbortController().signal,
  });
  mountKeys(app, database, authenticator.keyChanged);
  app.mount(routes.getVersion, async ({ principal }) => new Reply(200, principal));
  const send: Access['send'] = async (method, path, body, headers = { 'x-api-key': ADMIN_KEY }) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
  };
  return {
    app,
    authenticator,
    send,
    who: (credential) => send('GET', '/version', undefined, { authorization: `Bearer ${credential}` }),
    [Symbol.asyncDispose]: () => authenticator[Symbol.asyncDispose](),
  };
}
