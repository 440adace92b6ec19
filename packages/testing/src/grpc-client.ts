import { join } from 'node:path';
import { credentials, loadPackageDefinition, Metadata, status, type Client, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Tls } from '@reeve/rpc/tls';
import type { ServerProcess } from './server.ts';

type Json = Record<string, unknown>;

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** What a call came to: a response, or a failure by its code's name. */
export type Called =
  | { readonly code: 'OK'; readonly response: Json; readonly header: Readonly<Record<string, unknown>> }
  | { readonly code: string; readonly message: string; readonly details: Buffer };

/** Somebody else's gRPC client, over the .proto files as they are in the repository. */
export interface GrpcClient extends Disposable {
  call(method: string, request: Json, options?: CallOptions): Promise<Called>;
  /** The messages of a stream, until it ends or is left, which cancels it. Throws as the client does. */
  stream(method: string, request: Json, options?: CallOptions): AsyncIterable<Json>;
  /** Sends these on a stream both ways, and answers what came back for them. */
  talk(method: string, requests: readonly Json[]): Promise<Json[]>;
}

const PROTO = join(import.meta.dirname, '../../../proto');
const FILES = [
  'reeve/v1/memory.proto',
  'reeve/v1/sandbox.proto',
  'reeve/v1/failure.proto',
  'grpc/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto',
];

/** The services and messages of the .proto files, as somebody else reads them. */
export const protoFiles = loadSync(FILES, { includeDirs: [PROTO], keepCase: true, oneofs: true, enums: String });

/** Calls `service`, such as `reeve.v1.Sandbox`, at `host:port`. */
export function createGrpcClient(service: string, target: string, tls?: Pick<Tls, 'ca'> & Partial<Tls>): GrpcClient {
  const Stub = service
    .split('.')
    .reduce<unknown>((at, name) => (at as Json)[name], loadPackageDefinition(protoFiles)) as {
    new (address: string, with_: ReturnType<typeof credentials.createInsecure>): Client & Record<string, Method>;
  };
  const stub = new Stub(
    target,
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(tls.ca, tls.client?.key ?? null, tls.client?.cert ?? null),
  );
  return {
    call(method, request, options = {}) {
      return new Promise((resolve) => {
        let header: Readonly<Record<string, unknown>> = {};
        const call = stub[method]!(request, metadataOf(options), deadlineOf(options), (error, response) => {
          if (error === null) resolve({ code: 'OK', response: response!, header });
          else resolve(failureOf(error));
        });
        call.on('metadata', (metadata: Metadata) => (header = metadata.getMap()));
      });
    },
    async *stream(method, request, options = {}) {
      const call = stub[method]!(request, metadataOf(options), deadlineOf(options));
      try {
        yield* call as AsyncIterable<Json>;
      } finally {
        call.cancel();
      }
    },
    async talk(method, requests) {
      const call = stub[method]!();
      const answers: Json[] = [];
      for (const request of requests) call.write(request);
      call.end();
      for await (const answer of call as AsyncIterable<Json>) answers.push(answer);
      return answers;
    },
    [Symbol.dispose]: () => stub.close(),
  };
}

type Method = (
  request?: Json,
  metadata?: Metadata,
  options?: { deadline?: number },
  done?: (error: ServiceError | null, response?: Json) => void,
) => AsyncIterable<Json> & {
  on(event: 'metadata', heard: (metadata: Metadata) => void): void;
  write(request: Json): void;
  end(): void;
  cancel(): void;
};

function metadataOf({ metadata = {} }: CallOptions): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
}

function deadlineOf({ timeoutMs = 60_000 }: CallOptions): { deadline: number } {
  return { deadline: Date.now() + timeoutMs };
}

function failureOf({ code, details, metadata }: ServiceError): Called {
  const [packed] = metadata.get('grpc-status-details-bin');
  return { code: status[code], message: details, details: Buffer.from(packed ?? '') };
}

/** Where the log of a server says that its service `Memory` listens. */
export function memoryTargetOf({ log }: Pick<ServerProcess, 'log'>): string {
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
  return new URL(lines.find(({ message }) => /Memory service listens/.test(String(message)))!['url'] as string).host;
}
