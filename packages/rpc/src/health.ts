import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@reeve/contract/proto/grpc/health/v1/health';
import { Signal } from '@reeve/kit';

/*
 *   serving ──drain()──► not serving
 *
 * Whoever watches is told of each state once, and then ends with the server.
 */

/** The health of a server's services, by gRPC's own protocol. The name "" stands for all. */
export interface ServiceHealth {
  readonly routes: (router: ConnectRouter) => void;
  /** From now on nothing is served: callers shall go elsewhere. */
  drain(): void;
}

/** How long a watcher waits before it looks by itself. */
const LOOK_MS = 60_000;

/** `names`: of the services, such as `reeve.v1.Sandbox`. */
export function createHealth(names: readonly string[]): ServiceHealth {
  let isServing = true;
  const watchers = new Set<Signal>();
  const isKnown = (service: string) => service === '' || names.includes(service);
  const statusOf = (service: string) => {
    if (!isKnown(service)) return Status.SERVICE_UNKNOWN;
    return isServing ? Status.SERVING : Status.NOT_SERVING;
  };
  return {
    routes: (router) =>
      router.service(Health, {
        check({ service }) {
          if (!isKnown(service)) throw new ConnectError(`there is no service ${service.slice(0, 200)}`, Code.NotFound);
          return { status: statusOf(service) };
        },
        async *watch({ service }, { signal }) {
          const changed = new Signal();
          watchers.add(changed);
          try {
            let told: Status | undefined;
            while (!signal.aborted) {
              const status = statusOf(service);
              if (status !== told) yield { status };
              told = status;
              await changed.wait(LOOK_MS, signal);
            }
          } finally {
            watchers.delete(changed);
          }
        },
      }),
    drain() {
      isServing = false;
      for (const watcher of watchers) watcher.raise();
    },
  };
}
