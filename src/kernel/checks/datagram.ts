/** Questions of one packet: echo requests and queries for a name. */
import { randomBytes } from 'node:crypto';
import { type AddressWords, familyOf } from '../../model/address.js';
import { addBytes, finish } from '../../wire/checksum.js';
import { createDnsAnswer, DNS_TYPE, decodeDnsAnswer, encodeDnsQuery } from '../../wire/dns.js';
import { PROTOCOL } from '../../wire/packet.js';
import { allocate, E, errno, setOption, sys, watchReadable } from '../ffi.js';
import { type CheckedRoute, connectTo, openRouteSocket, SOCK } from './route-socket.js';

/** Told once whether an answer came; false: none can come any more. */
export type Outcome = (answered: boolean, otherwise?: boolean) => void;
/** Ends a question; nothing is told afterwards. May be called again. */
export type Cancel = () => void;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Replies read before the event loop has its turn. */
const TURNS = 16;
const SIZE = 2048;
/** Written and read at once, so one buffer serves all. */
const memory = allocate(SIZE);

export const ECHO = { 4: { REQUEST: 8, REPLY: 0 }, 6: { REQUEST: 128, REPLY: 129 } } as const;
const ICMP_HEADER = 8;
/** Random bytes by which a reply is known; they take the place of id, sequence and data. */
const TOKEN = 20;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const SOL_ICMPV6 = 58;
const ICMP6_FILTER = 1;

/** Sends an echo request (RFC 792, RFC 4443 section 4). */
export function askPing(route: CheckedRoute, target: AddressWords, done: Outcome): Cancel {
  const family = familyOf(target);
  const fd = openRouteSocket(route, target, SOCK.RAW, family === 4 ? PROTOCOL.ICMP : PROTOCOL.ICMPV6);
  if (fd < 0) return failed(done);
  passRepliesOnly(fd, family);
  const token = randomBytes(TOKEN);
  const length = 4 + TOKEN;
  const { view, bytes } = memory;
  view.setUint32(0, ECHO[family].REQUEST << 24);
  bytes.set(token, 4);
  // Of ICMPv6 the kernel writes it.
  if (family === 4) view.setUint16(2, finish(addBytes(0, view, 0, length)));
  return exchange(fd, { route, target, port: 0 }, length, done, (received) => {
    // Raw sockets for IPv4 get the IP header too.
    const start = family === 4 ? (bytes[0] & 15) * 4 : 0;
    if (received < start + length || received < ICMP_HEADER || bytes[start] !== ECHO[family].REPLY)
      return false;
    return token.every((byte, i) => bytes[start + 4 + i] === byte);
  });
}

/** Asks a name server for the IPv4 addresses of a name. Any answer to it counts, also that there is no such name. */
export function askDns(
  route: CheckedRoute,
  target: AddressWords,
  port: number,
  name: string,
  done: Outcome,
): Cancel {
  const fd = openRouteSocket(route, target, SOCK.DGRAM, 0);
  if (fd < 0) return failed(done);
  const id = randomBytes(2).readUInt16BE();
  const length = encodeDnsQuery(memory, 0, { id, name, type: DNS_TYPE.A });
  if (length === 0) {
    sys.close(fd);
    return failed(done);
  }
  const question = name.replace(/\.$/, '').toLowerCase();
  return exchange(fd, { route, target, port }, length, done, (received) => {
    if (!decodeDnsAnswer(answer, memory, 0, received)) return false;
    return answer.id === id && (answer.question === question || answer.question === '');
  });
}

const answer = createDnsAnswer();

/** Who is asked, and the route that the question goes by. */
interface Peer {
  readonly route: CheckedRoute;
  readonly target: AddressWords;
  /** 0: the protocol has none. */
  readonly port: number;
}

/** Sends the first `length` bytes of `memory`, then reads into it until a reply is good, an error comes, or it is cancelled. */
function exchange(
  fd: number,
  { route, target, port }: Peer,
  length: number,
  done: Outcome,
  isGood: (received: number) => boolean,
): Cancel {
  if (!connectTo(fd, route, target, port) || sys.send(fd, memory.address, length, MSG_NOSIGNAL) < 0) {
    sys.close(fd);
    return failed(done);
  }
  let open = true;
  const watch = watchReadable(fd, () => {
    for (let turn = 0; turn < TURNS && open; turn++) {
      const received = sys.recv(fd, memory.address, SIZE, MSG_DONTWAIT);
      if (received < 0) {
        const error = errno();
        if (error === E.AGAIN || error === E.INTR) return;
        cancel();
        done(false);
      } else if (isGood(received)) {
        cancel();
        done(true);
      }
    }
  });
  const cancel = (): void => {
    if (!open) return;
    open = false;
    watch.close();
    sys.close(fd);
  };
  return cancel;
}

/** As if it had been asked: the caller gets its `Cancel` before the outcome. */
export function failed(done: Outcome): Cancel {
  const immediate = setImmediate(() => done(false));
  return () => clearImmediate(immediate);
}

/** Everything else of the protocol is the kernel's business, and may be much. Without the filter it would work all the same. */
export function passRepliesOnly(fd: number, family: 4 | 6): void {
  if (family === 4) {
    // A set bit blocks.
    setOption(fd, SOL_RAW, ICMP_FILTER, ~(1 << ECHO[4].REPLY));
    return;
  }
  // Eight words, of types 0-31 and so on.
  filter.bytes.fill(0xff);
  filter.view.setUint32(4 * (ECHO[6].REPLY >> 5), ~(1 << (ECHO[6].REPLY & 31)), true);
  sys.setsockopt(fd, SOL_ICMPV6, ICMP6_FILTER, filter.address, 32);
}

const filter = allocate(32);
