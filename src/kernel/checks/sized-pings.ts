/** Echo requests of given sizes that must not be fragmented, by one route, whatever its tables say of sizes: which of them come back. */
import { randomBytes } from 'node:crypto';
import { type AddressWords, familyOf } from '../../model/address.js';
import { addBytes, finish } from '../../wire/checksum.js';
import { PROTOCOL } from '../../wire/packet.js';
import { allocate, setOption, sys, watchReadable } from '../ffi.js';
import { ECHO, passRepliesOnly } from './datagram.js';
import { type CheckedRoute, connectTo, openRouteSocket, SOCK } from './route-socket.js';

export interface SizesAsked {
  /** Bytes with the IP header, at most 1500. */
  readonly sizes: readonly number[];
  /** How often each is sent, since packets are lost. */
  readonly times: number;
  /** Between two packets, milliseconds. */
  readonly gapMs: number;
  /** For answers, behind the last packet. */
  readonly waitMs: number;
}

export interface SizesAnswered {
  /** What came back whole. */
  readonly passed: ReadonlySet<number>;
  /** What was answered, be it with a shorter reply. */
  readonly reached: ReadonlySet<number>;
}

const IP_HEADER = { 4: 20, 6: 40 } as const;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const SOL_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_DONTFRAG = 62;
/** Not fragmented, and as large as the interface carries: what is known of the path does not count. */
const PMTUDISC_PROBE = 3;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SIZE = 2048;
/** Type, code and checksum stay; id, sequence and the beginning of the data are random, so nobody can answer what it has not received. */
const TOKEN = 20;
/** Replies, or errors, read before the event loop has its turn. */
const TURNS = 64;
/** Written and read at once, so one buffer serves all. */
const memory = allocate(SIZE);

/** Resolves when all sizes have come back, or the time is over; a host that cannot be asked answers nothing. */
export function askSizes(
  route: CheckedRoute,
  target: AddressWords,
  asked: SizesAsked,
): Promise<SizesAnswered> {
  const family = familyOf(target);
  const fd = openRouteSocket(route, target, SOCK.RAW, family === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6);
  if (fd < 0) return Promise.resolve(NOTHING);
  passRepliesOnly(fd, family);
  if (!mustNotFragment(fd, family) || !connectTo(fd, route, target, 0)) {
    sys.close(fd);
    return Promise.resolve(NOTHING);
  }
  return exchange(fd, family, asked);
}

const NOTHING: SizesAnswered = { passed: new Set(), reached: new Set() };

function exchange(
  fd: number,
  family: 4 | 6,
  { sizes, times, gapMs, waitMs }: SizesAsked,
): Promise<SizesAnswered> {
  // The smallest first: nothing that large packets do to the path keeps them from being answered.
  const queue = Array.from({ length: times }, () => [...sizes].sort((a, b) => a - b)).flat();
  const sent = new Map<string, number>(); // BOUNDED: by `queue`.
  const passed = new Set<number>();
  const reached = new Set<number>();
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout;
    const end = (): void => {
      clearTimeout(timer);
      watch.close();
      sys.close(fd);
      resolve({ passed, reached });
    };
    const watch = watchReadable(fd, () => {
      for (let turn = 0; turn < TURNS; turn++) {
        const received = sys.recv(fd, memory.address, SIZE, MSG_DONTWAIT);
        // Also an error that a router has sent: others may still answer.
        if (received < 0) break;
        const reply = readReply(family, received);
        const size = reply === null ? undefined : sent.get(reply.token);
        if (reply === null || size === undefined) continue;
        reached.add(size);
        if (reply.length === size) passed.add(size);
      }
      if (reached.size === sizes.length) end();
    });
    const next = (): void => {
      let size = queue.shift();
      while (size !== undefined && reached.has(size)) size = queue.shift();
      if (size === undefined) {
        timer = setTimeout(end, waitMs);
        return;
      }
      const token = randomBytes(TOKEN);
      sent.set(token.toString('hex'), size);
      send(fd, family, size, token);
      timer = setTimeout(next, gapMs);
    };
    timer = setTimeout(next, 0);
  });
}

function mustNotFragment(fd: number, family: 4 | 6): boolean {
  if (family === 4) return setOption(fd, SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
  return (
    setOption(fd, SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE) && setOption(fd, SOL_IPV6, IPV6_DONTFRAG, 1)
  );
}

/** What is larger than the interface is not sent, and not answered. */
function send(fd: number, family: 4 | 6, size: number, token: Uint8Array): void {
  const { view, bytes } = memory;
  const length = size - IP_HEADER[family];
  bytes.fill(0, 0, length);
  view.setUint32(0, ECHO[family].REQUEST << 24);
  bytes.set(token, 4);
  // Of ICMPv6 the kernel writes it.
  if (family === 4) view.setUint16(2, finish(addBytes(0, view, 0, length)));
  sys.send(fd, memory.address, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/** Its token, and the length that it had with the smallest IP header. */
function readReply(family: 4 | 6, received: number): { token: string; length: number } | null {
  const { bytes } = memory;
  // Raw sockets for IPv4 get the IP header too.
  const start = family === 4 ? (bytes[0] & 15) * 4 : 0;
  if (received < start + 4 + TOKEN || bytes[start] !== ECHO[family].REPLY) return null;
  const token = Buffer.from(bytes.slice(start + 4, start + 4 + TOKEN)).toString('hex');
  return { token, length: received - start + IP_HEADER[family] };
}
