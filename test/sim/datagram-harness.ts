/** The engine alone, shown datagrams: what clients and servers say to each other, and the bytes that leave. */
import {
  dnsMessage,
  dnsName,
  ntpPacket,
  padded,
  quicLong,
  quicVersions,
  stunMessage,
} from '../../bench/fuzz-datagrams.js';
import { udpPacket } from '../../bench/fuzz-packets.js';
import type { EngineService, MemorySettings, RaceId, RouteNumber } from '../../src/core/engine-types.js';
import type { Times } from '../../src/core/memory/times.js';
import { VERDICT_NAMES } from '../../src/core/memory/verdicts.js';
import { PacketBuilder } from '../../src/core/packets/builder.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { PROTOCOL } from '../../src/wire/packet.js';
import { MAX_DATAGRAM_LENGTH } from '../../src/wire/udp.js';
import { CLIENT, type Effect, Harness, words } from './engine-harness.js';

export type Payload = readonly number[];

/** Both ends of a question: answers have them the other way round. */
export interface Flow {
  client: Endpoint;
  server: Endpoint;
}

export interface AskFields extends Partial<Flow> {
  service?: number;
  tried?: RouteNumber;
  pinned?: RouteNumber;
  routed?: RouteNumber;
  mayCopy?: boolean;
  stays?: boolean;
  ttl?: number;
}

export interface ReplyFields extends Partial<Flow> {
  known?: boolean;
  /** The port that the copy has left with. */
  port?: number;
}

export interface Sent {
  readonly route: RouteNumber;
  readonly bytes: Uint8Array;
}

/** Routes with copies of what is told; each has a service over all of them, number 1. */
export class DatagramHarness extends Harness {
  /** Copies that have left, and what the client was told, since the last input. */
  sent: Sent[] = [];
  told: Uint8Array[] = [];
  /** Where packets go that do not say so. */
  flow: Flow = { client: CLIENT, server: { address: words('198.51.100.1'), port: 53 } };

  private readonly builder = new PacketBuilder(this.engine.site, this.engine.shard);

  constructor(
    count = 3,
    service: Partial<EngineService> = {},
    memory: Partial<MemorySettings> = { trustMicros: 0 },
  ) {
    super(count);
    const all = Array.from({ length: count }, (_, i) => i + 1);
    this.setServices([serviceOver(all, service)], memory);
  }

  /** The client sends a datagram; the effects of it. */
  send(payload: Payload, fields: AskFields = {}): Effect[] {
    const { client, server, ttl, tried = 0, service = 1, ...input } = { ...this.flow, ...fields };
    this.begin();
    this.read(datagram(client, server, payload, ttl));
    this.kernelRoute = tried;
    this.handle({ kind: 'setup', packet: this.packet, service, tried, ...input });
    return this.finish();
  }

  /** The server answers what left by a route. */
  reply(route: RouteNumber, payload: Payload, fields: ReplyFields = {}): Effect[] {
    const { client, server, known = true, port = client.port } = { ...this.flow, ...fields };
    return this.answerBytes(
      route,
      datagram(server, { address: this.ours(route, server), port }, payload),
      known,
    );
  }

  /** A datagram as it leaves by a route: the client's, with the route's own address, one hop later. */
  asCopied(route: RouteNumber, payload: Payload, { client, server }: Flow = this.flow): Uint8Array {
    return datagram({ address: this.ours(route, server), port: client.port }, server, payload, 63);
  }

  /** An answer as the client must get it. */
  asTold(payload: Payload, { client, server }: Flow = this.flow): Uint8Array {
    return datagram(server, client, payload, 63);
  }

  /** Routes by which copies have left since the last input, in order. */
  get by(): RouteNumber[] {
    return this.sent.map(({ route }) => route);
  }

  /** The race of the flow; -1: there is none. */
  get race(): RaceId {
    const { client, server } = this.flow;
    return this.engine.races.findFlow({
      family: isFour(server) ? 4 : 6,
      protocol: PROTOCOL.UDP,
      source: client.address,
      sourcePort: client.port,
      destination: server.address,
      destinationPort: server.port,
    });
  }

  /** What memory holds of the server's answers of a kind: a word and milliseconds per route. */
  remembered(times: Times): string[] {
    const { memory } = this.engine;
    const slot = memory.find(this.flow.server.address, 0, times);
    if (slot < 0) return [];
    return Array.from({ length: memory.routes }, (_, i) => {
      const rtt = memory.rttOf(slot, i + 1);
      return (
        VERDICT_NAMES[memory.verdicts.kind[slot * memory.routes + i]] + (rtt < 0 ? '' : ` ${rtt / 1000}`)
      );
    }).slice(0, this.engine.routes.length);
  }

  /** Lets milliseconds pass; all copies that leave meanwhile are in `sent`. */
  override pass(milliseconds: number): Effect[] {
    this.collecting = true;
    this.clear();
    const effects = super.pass(milliseconds);
    this.collecting = false;
    return effects;
  }

  override attempt(race: RaceId, route: RouteNumber, from = 0): void {
    super.attempt(race, route);
    const count = this.builder.countOf(race);
    for (let number = from; number < count; number++)
      this.sent.push({ route, bytes: this.made((space) => this.builder.copy(race, route, space, number)) });
  }

  /** At once: the race may be over a moment later. */
  override reject(race: RaceId, route: RouteNumber, question = 0): void {
    super.reject(race, route);
    this.told.push(this.made((space) => this.builder.reject(race, route, space, question)));
  }

  /** Whoever is not told at all is not cancelled. */
  override cancel(race: RaceId, route: RouteNumber, proof: number): void {
    if (this.made((space) => this.builder.cancel(race, route, proof, space)).length > 0)
      super.cancel(race, route, proof);
  }

  private collecting = false;

  protected override begin(): void {
    super.begin();
    if (!this.collecting) this.clear();
  }

  private clear(): void {
    this.sent = [];
    this.told = [];
  }

  private ours(route: RouteNumber, server: Endpoint): Int32Array {
    return this.engine.routes[route - 1].addresses[isFour(server) ? 4 : 6].slice(0, 4);
  }

  private made(build: (space: { bytes: Uint8Array; view: DataView; at: number }) => number): Uint8Array {
    const bytes = new Uint8Array(MAX_DATAGRAM_LENGTH);
    return bytes.slice(0, build({ bytes, view: new DataView(bytes.buffer), at: 0 }));
  }
}

/** Three routes, and questions to a port of one server. Without memory unless `memory` says otherwise. */
export function gatewayTo(
  port: number,
  service: Partial<EngineService> = {},
  memory?: Partial<MemorySettings>,
): DatagramHarness {
  const h = new DatagramHarness(3, service, memory);
  h.flow = { client: CLIENT, server: at(port) };
  return h;
}

export function at(port: number, address = '198.51.100.1'): Endpoint {
  return { address: words(address), port };
}

export function datagram(from: Endpoint, to: Endpoint, payload: Payload, ttl = 64): Uint8Array {
  return udpPacket({
    source: bytesOf(from.address),
    sourcePort: from.port,
    destination: bytesOf(to.address),
    destinationPort: to.port,
    payload,
    ttl,
    identification: 0x1234,
  });
}

const isFour = ({ address }: Endpoint): boolean => address[0] === 0 && address[2] === 0xffff;

function bytesOf(address: Int32Array): number[] {
  const bytes = [...address].flatMap((word) => [24, 16, 8, 0].map((by) => (word >>> by) & 255));
  return address[0] === 0 && address[2] === 0xffff ? bytes.slice(12) : bytes;
}

/** Questions to a name server and what it says. */
const NAME = dnsName('www.example.test');
const A = 1;
const AAAA = 28;
export interface DnsWords {
  id?: number;
  type?: number;
}

export const dns = {
  A,
  AAAA,
  query: ({ id = 0x1234, type = A }: DnsWords = {}): Payload =>
    dnsMessage({ id, questions: [{ name: NAME, type }] }),
  /** What changes a zone, and that it is done. */
  update: (): Payload => dnsMessage({ flags: 5 << 11, questions: [{ name: NAME, type: 6 }] }),
  updated: (): Payload => dnsMessage({ flags: 0x8000 | (5 << 11), questions: [{ name: NAME, type: 6 }] }),
  yes: ({ id = 0x1234, type = A }: DnsWords = {}): Payload =>
    dnsMessage({
      id,
      flags: 0x8180,
      questions: [{ name: NAME, type }],
      answers: [{ name: [0xc0, 12], type, data: new Array<number>(type === A ? 4 : 16).fill(7) }],
    }),
  /** An empty answer, or an error. */
  no: (rcode: number, { id = 0x1234, type = A }: DnsWords = {}): Payload =>
    dnsMessage({ id, flags: 0x8180 | rcode, questions: [{ name: NAME, type }] }),
  EMPTY: 0,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  REFUSED: 5,
} as const;

const ID = [1, 2, 3, 4, 5, 6, 7, 8];
const OWN = [9, 9, 9, 9];
const SERVER_ID = [5, 5, 5, 5];

export interface QuicWords {
  destination?: Payload;
  source?: Payload;
  /** What is encrypted, by its first byte. */
  mark?: number;
}

export const quic = {
  initial: ({ destination = ID, source = OWN, mark = 0 }: QuicWords = {}): Payload =>
    padded(
      quicLong({ type: 'initial', destination, source, body: [mark, ...new Array<number>(40).fill(1)] }),
    ),
  tokened: (): Payload =>
    padded(quicLong({ type: 'initial', destination: ID, source: OWN, token: [1, 2, 3] })),
  early: (): Payload =>
    padded([
      ...quicLong({ type: 'initial', destination: ID, source: OWN }),
      ...quicLong({ type: 'zero-rtt', destination: ID, source: OWN }),
    ]),
  short: (): Payload => [0x45, ...SERVER_ID, ...new Array<number>(40).fill(3)],
  yes: ({ source = OWN }: QuicWords = {}): Payload =>
    padded(quicLong({ type: 'initial', destination: source, source: SERVER_ID })),
  retry: (): Payload => quicLong({ type: 'retry', destination: OWN, source: SERVER_ID, token: [1, 2, 3] }),
  versions: (): Payload => quicVersions(OWN, ID, [0x1a2a3a4a]),
} as const;

const TRANSACTION = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const MAPPED: readonly [number, Payload] = [0x0020, [0, 1, 0x21, 0x12, 0x2a, 0x12, 0xa4, 0x43]];
const ERROR_500: readonly [number, Payload] = [0x0009, [0, 0, 5, 0]];
const PRIORITY: readonly [number, Payload] = [0x0024, [0, 0, 0, 1]];

export const stun = {
  request: (transaction: Payload = TRANSACTION): Payload => stunMessage({ transaction }),
  /** A connectivity check of ICE. */
  check: (): Payload => stunMessage({ transaction: TRANSACTION, attributes: [PRIORITY] }),
  /** Of TURN, and that it wants a password first. */
  allocate: (): Payload => stunMessage({ transaction: TRANSACTION, method: 3 }),
  unauthorized: (): Payload =>
    stunMessage({ transaction: TRANSACTION, method: 3, class: 3, attributes: [[0x0009, [0, 0, 4, 1]]] }),
  yes: (transaction: Payload = TRANSACTION): Payload =>
    stunMessage({ class: 2, transaction, attributes: [MAPPED] }),
  no: (transaction: Payload = TRANSACTION): Payload =>
    stunMessage({ class: 3, transaction, attributes: [ERROR_500] }),
} as const;

const SENT_AT = [0xe5, 0xf3, 0xa1, 0xb2, 1, 2, 3, 4];
const SERVER_AT = [0xe5, 0xf3, 0xa1, 0xb3, 0, 0, 0, 1];

export const ntp = {
  question: (transmit: Payload = SENT_AT): Payload => ntpPacket({ transmit }),
  /** With a cookie of Network Time Security. */
  cookie: (): Payload => ntpPacket({ transmit: SENT_AT, fields: [[0x0204, new Array<number>(100).fill(1)]] }),
  yes: (origin: Payload = SENT_AT): Payload =>
    ntpPacket({ mode: 4, stratum: 2, origin, transmit: SERVER_AT }),
  no: (origin: Payload = SENT_AT): Payload =>
    ntpPacket({ mode: 4, stratum: 0, reference: 'RATE', origin, transmit: SERVER_AT }),
} as const;

export interface SipWords {
  branch?: string;
  method?: string;
  cseq?: number;
  callId?: string;
  /** Of who is called; '' outside of a call. */
  toTag?: string;
  credentials?: boolean;
}

/** Of a client with a private address, as SIP over UDP has it. */
export const sip = {
  ask: (fields: SipWords = {}): Payload =>
    sipMessage(`${fields.method ?? 'INVITE'} sip:bob@example.test SIP/2.0`, fields),
  says: (status: number, fields: SipWords = {}): Payload =>
    sipMessage(`SIP/2.0 ${status} So`, { toTag: status > 100 ? 'b' : '', ...fields }),
} as const;

function sipMessage(first: string, fields: SipWords): Payload {
  const { branch = 'z9hG4bKone', method = 'INVITE', cseq = 1, callId = 'call', toTag = '' } = fields;
  const text = [
    first,
    `Via: SIP/2.0/UDP 192.168.1.10:5060;branch=${branch};rport`,
    'From: <sip:alice@example.test>;tag=a',
    `To: <sip:bob@example.test>${toTag === '' ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...(fields.credentials === true ? ['Authorization: Digest username="alice"'] : []),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  return [...Buffer.from(text, 'latin1')];
}
