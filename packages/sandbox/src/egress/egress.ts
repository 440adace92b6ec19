import type { Socket } from 'node:net';

/*
 * A program has no network. Where a policy opens hosts for it, it has a proxy: a socket of its own for each call, bound into the
 * sandbox, and a bridge to it on the sandbox's own loopback. What the socket's proxy does not know to be open does not exist.
 */

/** Which hosts a program may reach, and how. */
export interface Egress {
  /** `api.example.com`, `*.example.com` (not `example.com` itself), with `:port` for another than 443. Asked for each connection. */
  hosts(): Promise<readonly string[]>;
  /** Headers that are added to requests for a host, over TLS only; the program never sees them. */
  headersFor(host: string): Readonly<Record<string, string>> | undefined;
  /** Connects to a host whose addresses may be reached; throws ReeveError where they may not. */
  connect(host: string, port: number): Promise<Socket>;
  /** Told of each connection before it is made, and of each that is refused. Where it throws, there is none. */
  record(connection: EgressConnection): Promise<void>;
}

export interface EgressConnection {
  readonly host: string;
  readonly port: number;
  /** `tunnel`: bytes that nobody here can read; `request`: one request, which was given the host's headers. */
  readonly kind: 'tunnel' | 'request';
  /** Why there is none; undefined where it was let through. */
  readonly refused?: string;
}

/** A host and port, as a program asked for them. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
export const TLS_PORT = 443;

/** A destination in its one form, or undefined for what is no name of a host: addresses, other scripts, user names, NUL. */
export function destinationOf(authority: string, defaultPort: number): Destination | undefined {
  const found = /^([^:]*)(?::([1-9][0-9]{0,4}))?$/.exec(authority);
  const host = found?.[1]?.toLowerCase().replace(/\.$/, '') ?? '';
  const port = Number(found?.[2] ?? defaultPort);
  // Whatever ends in a number is an address, in one of its many spellings.
  if (!NAME.test(host) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host) || port > 65_535) return undefined;
  return { host, port };
}

/** True where the hosts open a destination. */
export function isOpen(hosts: readonly string[], { host, port }: Destination): boolean {
  return hosts.some((pattern) => {
    const [name = '', open = String(TLS_PORT)] = pattern.toLowerCase().split(':');
    if (Number(open) !== port) return false;
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name;
  });
}
