import { routes, type ApiKey, type BodyInputOf, type KeyStatus } from '@reeve/contract';
import { infiniteQueryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';
import { nextOffset } from './paging.ts';

const KEYS_PER_PAGE = 100;
const LOOK_MS = 15_000;

/** API keys of the tenant, newest first. */
export const keysQuery = (status: KeyStatus | undefined) =>
  infiniteQueryOptions({
    queryKey: ['keys', status ?? ''],
    queryFn: ({ pageParam, signal }) =>
      api().call(routes.listKeys, {
        query: { limit: KEYS_PER_PAGE, offset: pageParam, ...(status && { status }) },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => nextOffset(page, page.keys.length),
    refetchInterval: LOOK_MS,
  });

export type NewKey = BodyInputOf<typeof routes.createKey>;

/** A secret that is shown once. It goes by here alone, so that no cache ever holds it. */
export type ShowSecret = (key: ApiKey, secret: string | null) => void;

/** Creates a key and hands its secret to `show`. */
export async function createKey(body: NewKey, show: ShowSecret): Promise<void> {
  const { secret, ...key } = await api().call(routes.createKey, { body });
  show(key, secret);
}

/** Gives a key another secret and hands it to `show`. The one before is accepted for so many seconds more. */
export async function rotateKey(id: string, graceSeconds: number, show: ShowSecret): Promise<void> {
  const call = { params: { id }, body: { grace_seconds: graceSeconds } };
  const { secret, ...key } = await api().call(routes.rotateKey, call);
  show(key, secret);
}

export const revokeKey = (id: string) => api().call(routes.revokeKey, { params: { id } });
