/** The engine with `win: first-payload`, a client and servers that keep count of sequence numbers as TCP does. */
import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { PacketBuilder } from '../../src/core/packets/builder.js';
import type { AddressWords } from '../../src/model/address.js';
import { tcpPacket } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { createPacket, DECODE, decode, FLAG } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { CLIENT, type Effect, Harness, ISN, routes, SERVER, SYN_ACK, words } from './engine-harness.js';

const { ACK, FIN, PSH, RST } = FLAG;

/** What a route's server knows of the connection that is made in the client's name. */
export interface FarServer {
  isn: number;
  /** `none`: nothing has come back to its SYN+ACK. */
  state: 'none' | 'open' | 'reset';
  /** What it has got of the client, in order. */
  words: string;
  /** A packet that no TCP would send in this connection. */
  wrong: string[];
}

export const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const PORT = 40_000;

export class OpeningHarness extends Harness {
  readonly servers: FarServer[];
  /** What the kernel forwards to: the route of the flow, and the numbers that the client was shown. */
  bound: RouteNumber[] = [];
  released = 0;
  removed = 0;
  /** What the client was told by the daemon itself: SEQ of a reset. */
  clientReset: number | null = null;

  constructor(count = 3, fields: Parameters<typeof serviceOver>[1] = {}) {
    super(count, { racePorts: { from: PORT, to: PORT + 999 } }, routes(count));
    this.servers = Array.from({ length: count }, (_, i) => ({
      isn: 5_000_000 + i * 1_000_000,
      state: 'none',
      words: '',
      wrong: [],
    }));
    const all = Array.from({ length: count }, (_, i) => i + 1);
    this.setServices([serviceOver(all, { number: 1, criterion: 'race', win: 'first-payload', ...fields })]);
  }

  begins(options: readonly number[] = OFFER): Effect[] {
    return this.setup({ service: 1, options });
  }

  /** The SYN+ACK of a route's server. */
  accepts(route: RouteNumber, options: readonly number[] = OFFER): Effect[] {
    return this.from(route, {
      flags: SYN_ACK,
      sequence: this.servers[route - 1].isn,
      acknowledgement: ISN + 1,
      options,
    });
  }

  /** The server sends text; it acknowledges what it has got. */
  says(route: RouteNumber, text: string, at = 0): Effect[] {
    return this.segment(route, ACK | PSH, text, at);
  }

  acknowledges(route: RouteNumber): Effect[] {
    return this.segment(route, ACK, '');
  }

  ends(route: RouteNumber): Effect[] {
    return this.segment(route, ACK | FIN, '');
  }

  resets(route: RouteNumber): Effect[] {
    return this.segment(route, RST | ACK, '');
  }

  /** The client sends text `at` so many bytes behind the first; the kernel gives it to the server of the flow's route. */
  client(text: string, at = 0, flags: number = ACK | PSH): Effect[] {
    this.begin();
    this.read(
      tcpPacket({
        from: CLIENT,
        to: SERVER,
        sequence: ISN + 1 + at,
        acknowledgement: 1,
        flags,
        payload: bytesOf(text),
      }),
    );
    this.handle({ kind: 'client', packet: this.packet });
    const effects = this.finish();
    const route = this.bound.at(-1);
    if (effects.at(-1)?.kind === 'pass' && route !== undefined) this.arrive(route, at, text, flags);
    return effects;
  }

  /** The client's own ends of the handshake, by the kernel. */
  shakesHands(): Effect[] {
    return this.client('', 0, ACK);
  }

  sourceAddress(route: RouteNumber): AddressWords {
    return words(`203.0.${route}.2`);
  }

  get carrier(): RouteNumber {
    return this.bound.at(-1) ?? 0;
  }

  private segment(route: RouteNumber, flags: number, text: string, at = 0): Effect[] {
    const { isn, words: taken } = this.servers[route - 1];
    return this.from(route, { flags, sequence: isn + 1 + at, acknowledgement: ISN + 1 + taken.length, text });
  }

  private from(
    route: RouteNumber,
    {
      text = '',
      ...fields
    }: {
      flags: number;
      sequence: number;
      acknowledgement: number;
      text?: string;
      options?: readonly number[];
    },
  ): Effect[] {
    const to = { address: words(`203.0.${route}.2`), port: this.port };
    return this.answerBytes(route, tcpPacket({ ...fields, from: SERVER, to, payload: bytesOf(text) }), true);
  }

  /** The port that the copies have left with. */
  private port = PORT;

  override attempt(race: RaceId, route: RouteNumber): void {
    super.attempt(race, route);
    this.port = this.engine.races.natPort[race];
  }

  advance(race: RaceId, route: RouteNumber): void {
    const builder = new PacketBuilder(this.engine.site, this.engine.shard);
    for (let number = 0; ; number++) {
      const out = viewed(new Uint8Array(1600));
      const length = builder.advance(race, route, { ...out, at: 0 }, number);
      if (length === 0) return;
      const packet = createPacket();
      if (decode(packet, out, 0, length) !== DECODE.OK) throw new Error('a segment that does not decode');
      const server = this.servers[route - 1];
      if (packet.acknowledgement !== server.isn + 1) server.wrong.push('acknowledges what was not sent');
      if (packet.sourcePort !== this.port) server.wrong.push('another port');
      const text = Buffer.from(out.bytes.subarray(packet.payload, packet.payloadEnd)).toString('latin1');
      this.arrive(route, packet.sequence - ISN - 1, text, packet.flags);
    }
  }

  release(): void {
    this.released++;
  }

  knowsAnswer(): boolean {
    return this.isCarried;
  }
  /** What the connection table says of what no race knows. */
  isCarried = true;

  remove(): void {
    this.removed++;
  }

  override commit(race: RaceId, route: RouteNumber): void {
    super.commit(race, route);
    this.bound.push(route);
  }

  /** A reset counts at the number that the server expects next (RFC 5961 section 3.2). */
  override cancel(race: RaceId, route: RouteNumber, sequence: number): void {
    super.cancel(race, route, sequence);
    const server = this.servers[route - 1];
    if (sequence === ISN + 1 + server.words.length) server.state = 'reset';
  }

  override reject(race: RaceId, route: RouteNumber): void {
    super.reject(race, route);
    const { races } = this.engine;
    this.clientReset = races.attemptEvidenceWords[races.attempt(race, route) * 4];
  }

  private arrive(route: RouteNumber, at: number, text: string, flags: number): void {
    const server = this.servers[route - 1];
    if ((flags & RST) !== 0) {
      if (at === server.words.length) server.state = 'reset';
      return;
    }
    if (server.state === 'none') server.state = 'open';
    if (at > server.words.length) return;
    server.words += text.slice(server.words.length - at);
  }
}

/** MSS 1460, SACK permitted, a window scale. */
export function offer(scale: number): readonly number[] {
  return [2, 4, 5, 180, 4, 2, 3, 3, scale];
}
const OFFER = offer(7);

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}
