import ipaddr, { type IPv4 } from 'ipaddr.js';

const { parse, parseCIDR, IPv6 } = ipaddr;
type IPv6 = ipaddr.IPv6;

type Address = IPv4 | IPv6;

/** Public by number, but the cloud's own: Azure answers virtual machines there. */
const OF_THE_CLOUD: ReadonlySet<string> = new Set(['168.63.129.16']);

/**
 * True for addresses of the public Internet. Loopback, private, link-local (where clouds keep their metadata), carrier-grade
 * NAT, multicast, reserved, unspecified and tunnel addresses are not, nor what hides one of them in IPv6. What is no
 * address is not either.
 */
export function isPublicAddress(text: string): boolean {
  const address = addressOf(text);
  return address !== undefined && isPublic(address);
}

/** True where an address is in one of these networks, each an address or `address/bits`. */
export function isWithin(text: string, networks: readonly string[]): boolean {
  const address = addressOf(text);
  if (address === undefined) return false;
  const plain = address instanceof IPv6 ? (embedded(address) ?? address) : address;
  return networks.some((network) => {
    const [base, bits] = networkOf(network);
    return base.kind() === plain.kind() && (plain as IPv6).match(base as IPv6, bits);
  });
}

/** True for an address or a network in the form `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  try {
    networkOf(text);
    return true;
  } catch {
    return false;
  }
}

function networkOf(text: string): [Address, number] {
  if (text.includes('/')) return parseCIDR(text);
  const address = parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function addressOf(text: string): Address | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function isPublic(address: Address): boolean {
  if (address instanceof IPv6) {
    const inner = embedded(address);
    if (inner !== undefined) return isPublic(inner);
    // Only 2000::/3 is given out; ::/96 and what else looks like unicast is not.
    if (address.parts[0]! >> 13 !== 1) return false;
  }
  return address.range() === 'unicast' && !OF_THE_CLOUD.has(address.toString());
}

/** The IPv4 address in an IPv4-mapped address, or in one of the well-known prefix of NAT64. */
function embedded(address: IPv6): IPv4 | undefined {
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  const isNat64 = address.match(parse('64:ff9b::') as IPv6, 96);
  return isNat64 ? (parse(address.toByteArray().slice(12).join('.')) as IPv4) : undefined;
}
