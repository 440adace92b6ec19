import type { z } from 'zod';
import type { ErrorBody } from './errors.ts';
import type { Role } from './role.ts';

/** Who may call a route: anybody, or a principal that has at least this role. */
export type Access = 'public' | Role;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Success answers by status; `null` means an empty body (204). */
export type Responses = Readonly<Record<number, z.ZodType | null>>;

/** What went wrong, as every route tells it. */
export type Failure = Pick<ErrorBody, 'error' | 'code' | 'details' | 'access' | 'run_id'> & { readonly status: number };

/** How a route of somebody else’s protocol tells of a failure. */
export interface FailureShape {
  readonly schema: z.ZodType;
  /** The body; text where `produces` is a type of text. */
  readonly of: (failure: Failure) => unknown;
  readonly produces?: string;
}

/**
 * One HTTP route as a value. Server mounting, the OpenAPI document, the typed client and the
 * command line all read it from here, so a route is described in exactly one place.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Success extends Responses = Responses,
> {
  readonly method: Method;
  /** Path template with `{name}` parameters. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Heading under which the reference page lists it. */
  readonly tag: string;
  readonly access: Access;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Bytes that a JSON body may have, where that is more than the usual 1 MiB. */
  readonly bodyBytes?: number;
  /** Set where the body is bytes of any type instead of JSON: how many there may be. */
  readonly uploads?: { readonly maxBytes: number };
  /** Set where the body may also be a form (`multipart/form-data`) with one `file`, whose other fields are then the body. */
  readonly takesFile?: { readonly maxBytes: number };
  /** Success statuses with their schemas; the first is the one a handler's plain return value gets. */
  readonly responses: Success;
  /** Set where the route answers `text/event-stream`: the schema of one event's data. */
  readonly events?: z.ZodType;
  /** Set where the route is a WebSocket: the schema of a frame that the server sends. */
  readonly frames?: z.ZodType;
  /** Set where failures have the shape of another protocol instead of the contract’s error body. */
  readonly failures?: FailureShape;
  /** True on routes of other people’s clients, which need not know that development mode wants no credential. */
  readonly ignoresForeignTokens?: boolean;
  /** True where a repeated `Idempotency-Key` must replay the first answer. */
  readonly creates?: boolean;
  /** Fields of an answer that are never kept, such as a new secret: a repeated `Idempotency-Key` gets null in them. */
  readonly toldOnce?: readonly string[];
  /** Content type of a success that is not JSON. */
  readonly produces?: string;
}

/** Declares a route; exists for the inference of its schemas. */
export function defineRoute<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Success extends Responses,
>(route: Route<Params, Query, Body, Success>): Route<Params, Query, Body, Success> {
  return route;
}

export type ParamsOf<R> = R extends { params?: infer P } ? (P extends z.ZodType ? z.output<P> : never) : never;
export type QueryOf<R> = R extends { query?: infer Q } ? (Q extends z.ZodType ? z.output<Q> : never) : never;
export type BodyOf<R> = R extends { body?: infer B } ? (B extends z.ZodType ? z.output<B> : never) : never;
export type BodyInputOf<R> = R extends { body?: infer B } ? (B extends z.ZodType ? z.input<B> : never) : never;
export type QueryInputOf<R> = R extends { query?: infer Q } ? (Q extends z.ZodType ? z.input<Q> : never) : never;
/** The JSON a success answers with, whatever its status. */
export type AnswerOf<R> = R extends { responses: infer S }
  ? { [K in keyof S]: S[K] extends z.ZodType ? z.output<S[K]> : null }[keyof S]
  : never;
