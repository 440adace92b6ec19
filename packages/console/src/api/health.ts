import { ClientError } from '@reeve/client';
import { routes, type Health } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';

const TIMEOUT_MS = 5_000;

/** Health of the server and its components, every 10 s and whenever the page comes into focus. */
export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => readHealth(signal),
  refetchInterval: 10_000,
  refetchOnWindowFocus: 'always',
  staleTime: 0,
  retry: false,
});

/** Reads 200 and 503 alike: an unavailable server still says which component failed. */
async function readHealth(signal: AbortSignal): Promise<Health> {
  let response: Response;
  try {
    response = await fetch(routes.getHealth.path, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
  } catch (cause) {
    throw new ClientError({ status: 0, code: 'unreachable', message: `no answer from ${location.origin}` }, cause);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (isHealth(body)) return body;
  throw new ClientError({
    status: response.status,
    code: 'internal',
    message: `/health answered ${response.status} without a readable body`,
  });
}

/** Only what tells a health answer from another: a server that is newer than this page may say more. */
function isHealth(body: unknown): body is Health {
  return (
    body !== null &&
    typeof body === 'object' &&
    'status' in body &&
    'components' in body &&
    body.components !== null &&
    typeof body.components === 'object'
  );
}
