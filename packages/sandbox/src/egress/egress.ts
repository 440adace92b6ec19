import type { Socket } from 'node:net';

/*
 * A program has no network. If a policy opens hosts for it, each call gets a proxy on a socket of its own, bound into
 * the sandbox, and a bridge to it on the sandbox’s loopback. The proxy refuses every other host.
 */

/** Which hosts a program may reach, and how. */
export interface Egress {
  /** `api.example.com`, `*.example.com` (not `example.com` itself), with `:port` for another than 443. Asked for each connection. */
  hosts(): Promise<readonly string[]>;
  /** Headers that are added to requests for a host, over TLS only; the program never sees them. */
  headersFor(host: string): Readonly<Record<string, string>> | undefined;
  /** Connects to a host; throws ReeveError if its addresses must not be reached. */
  connect(host: string, port: number): Promise<Socket>;
  /** Called before each connection and for each refusal. If it throws, no connection is made. */
  record(connection: EgressConnection): Promise<void>;
}

export interface EgressConnection {
  readonly host: string;
  readonly port: number;
  /** `tunnel`: opaque bytes; `request`: one request, sent with the host’s headers. */
  readonly kind: 'tunnel' | 'request';
  /** Why it was refused; undefined if it was allowed. */
  readonly refused?: string;
}

/** A host and port as the program requested them. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
export const TLS_PORT = 443;

/** A normalized destination; undefined for anything but a host name: addresses, other scripts, user names, NUL. */
export function destinationOf(authority: string, defaultPort: number): Destination | undefined {
  const found = /^([^:]*)(?::([1-9][0-9]{0,4}))?$/.exec(authority);
  const host = found?.[1]?.toLowerCase().replace(/\.$/, '') ?? '';
  const port = Number(found?.[2] ?? defaultPort);
  // Whatever ends in a number is an address, in one of its many spellings.
  if (!NAME.test(host) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host) || port > 65_535) return undefined;
  return { host, port };
}

/** True if one of the hosts allows the destination. */
export function isOpen(hosts: readonly string[], { host, port }: Destination): boolean {
  return hosts.some((pattern) => {
    const [name = '', open = String(TLS_PORT)] = pattern.toLowerCase().split(':');
    if (Number(open) !== port) return false;
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name;
  });
}
