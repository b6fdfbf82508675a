/**
 * Sockets that leave by one route whatever the routing tables say of others: marked as its packets are, bound to its interface and to its
 * address. Two providers may well have the same subnet, the same gateway and the same address for us.
 */
import { type AddressWords, type Family, familyOf, parseAddress, writeAddress } from '../../model/address.js';
import { allocate, setOption, sys } from '../ffi.js';

/** What a check needs to know of a route. */
export interface CheckedRoute {
  /** Of packets that go by it, whatever the main table says. */
  readonly mark: number;
  readonly interface: string;
  /** null, or without an address: the route does not carry this family. */
  readonly ipv4: { readonly addresses: readonly string[]; readonly gateway: string | null } | null;
  readonly ipv6: { readonly addresses: readonly string[]; readonly gateway: string | null } | null;
}

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3 } as const;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const AF = { 4: 2, 6: 10 } as const;
const NAME_LENGTH = { 4: 16, 6: 28 } as const;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;
const LINK_LOCAL = 0xfe80;

const scratch = allocate(64);

/** Opens a socket of a route towards `target`: the descriptor, or -1 when the route cannot have one now. */
export function openRouteSocket(
  route: CheckedRoute,
  target: AddressWords,
  type: number,
  protocol: number,
): number {
  const family = familyOf(target);
  const source = parseAddress(route[family === 4 ? 'ipv4' : 'ipv6']?.addresses[0] ?? '');
  if (source === null) return -1;
  const fd = sys.socket(AF[family], type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -1;
  if (
    setOption(fd, SOL_SOCKET, SO_MARK, route.mark) &&
    bindToDevice(fd, route.interface) &&
    sys.bind(fd, scratch.address, putName(route, family, source, 0)) === 0
  ) {
    return fd;
  }
  sys.close(fd);
  return -1;
}

/** Sets the one peer of a datagram or raw socket, whose packets alone are received. */
export function connectTo(fd: number, route: CheckedRoute, target: AddressWords, port: number): boolean {
  return sys.connect(fd, scratch.address, putName(route, familyOf(target), target, port)) === 0;
}

function bindToDevice(fd: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) scratch.bytes[i] = name.charCodeAt(i);
  scratch.bytes[name.length] = 0;
  return sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, scratch.address, name.length + 1) === 0;
}

/** struct sockaddr_in or sockaddr_in6 in `scratch`; its length. */
function putName(route: CheckedRoute, family: Family, words: AddressWords, port: number): number {
  scratch.bytes.fill(0, 0, NAME_LENGTH[6]);
  scratch.view.setUint16(0, AF[family], true);
  scratch.view.setUint16(2, port);
  writeAddress(family, words, 0, scratch.view, family === 4 ? 4 : 8);
  if (family === 6 && words[0] >>> 16 === LINK_LOCAL)
    scratch.view.setUint32(24, sys.ifIndex(route.interface), true);
  return NAME_LENGTH[family];
}
