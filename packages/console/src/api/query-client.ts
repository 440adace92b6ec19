import { ClientError } from '@reeve/client';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

/** The cache of server state. `onUnauthenticated` is called whenever the server answers 401. */
export function createQueryClient(onUnauthenticated: () => void): QueryClient {
  const onError = (error: unknown): void => {
    if (error instanceof ClientError && error.status === 401) onUnauthenticated();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      // A server on this machine is reachable without a network, so the browser's offline flag decides nothing.
      queries: { networkMode: 'always', staleTime: 2_000, retry: worthRetry },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}

function worthRetry(failures: number, error: unknown): boolean {
  const refused = error instanceof ClientError && error.status >= 400 && error.status < 500;
  return !refused && failures < 2;
}
