/** The packets that effects become: built as a front end builds them, read again, and compared with what the engine says of them. */
import type { Engine } from '../../src/core/engine.js';
import type { RaceId, RouteNumber } from '../../src/core/engine-types.js';
import { PacketBuilder } from '../../src/core/packets/builder.js';
import { EVIDENCE } from '../../src/core/race/evidence.js';
import { type AddressWords, sameAddress } from '../../src/model/address.js';
import { MAX_BUILT_LENGTH } from '../../src/wire/build.js';
import { createPacket, DECODE, decode, FLAG, PROTOCOL } from '../../src/wire/packet.js';
import { viewed } from '../../src/wire/viewed-bytes.js';
import { holds, same } from './invariants.js';

export class WireCheck {
  private readonly builder: PacketBuilder;
  private readonly space = { ...viewed(new Uint8Array(MAX_BUILT_LENGTH)), at: 0 };
  private readonly packet = createPacket();

  constructor(private readonly engine: Engine) {
    this.builder = new PacketBuilder(engine.site, engine.shard);
  }

  copy(race: RaceId, route: RouteNumber): void {
    const { races } = this.engine;
    this.read(this.builder.copy(race, route, this.space));
    const { packet } = this;
    const { flags, sequence, mssAt, family } = packet;
    this.leavesWithEndsOf(race, route);
    same(flags & (FLAG.SYN | FLAG.ACK | FLAG.RST | FLAG.FIN), FLAG.SYN, 'flags of a copy');
    same(sequence, races.token[race], 'sequence number of a copy');
    same(packet.payload, packet.end, 'where a copy ends');
    const room = this.engine.routes[route - 1].mtu[family] - (family === 4 ? 40 : 60);
    if (mssAt !== 0)
      holds(this.space.view.getUint16(mssAt) <= room, 'the MSS of a copy is more than its route carries');
  }

  cancel(race: RaceId, route: RouteNumber, proof: number): void {
    this.read(this.builder.cancel(race, route, proof, this.space));
    this.leavesWithEndsOf(race, route);
    same(this.packet.flags, FLAG.RST, 'flags of a reset');
    same(this.packet.sequence, proof, 'sequence number of a reset');
  }

  /** An error goes to the client's own ends, and is about its own packet. */
  reject(race: RaceId, route: RouteNumber): void {
    const { races } = this.engine;
    const at = races.attempt(race, route);
    const length = this.builder.reject(race, route, this.space);
    const { packet } = this;
    if (races.attemptEvidence[at] === EVIDENCE.REFUSED) {
      this.read(length);
      holds((packet.flags & FLAG.RST) !== 0, 'a refusal is a reset');
      holds(sameAddress(packet.source, 0, races.destination, race * 4), 'the server of a refusal');
      same(packet.destinationPort, races.clientPort[race], 'the client port of a refusal');
    } else {
      const result = decode(packet, this.space, 0, length);
      // About a packet with extension headers it is right, and too much for our reader.
      if (result === DECODE.ICMP_QUOTE && races.family[race] === 6) return;
      same(result, DECODE.OK, 'an error decodes');
      same(packet.quote.sequence, races.token[race], 'the sequence number that an error quotes');
      holds(sameAddress(packet.quote.source, 0, races.client, race * 4), 'the client that an error quotes');
      holds(
        sameAddress(packet.quote.destination, 0, races.destination, race * 4),
        'the server that an error quotes',
      );
    }
    holds(sameAddress(packet.destination, 0, races.client, race * 4), 'the client of an error');
  }

  private read(length: number): void {
    same(decode(this.packet, this.space, 0, length), DECODE.OK, 'what was built decodes');
    same(this.packet.protocol, PROTOCOL.TCP, 'protocol of what was built');
  }

  private leavesWithEndsOf(race: RaceId, route: RouteNumber): void {
    const { races } = this.engine;
    const { packet } = this;
    const at = races.attempt(race, route);
    isAt(packet.source, packet.sourcePort, races.attemptAddress, at * 4, races.attemptPort[at], 'the source');
    const port = races.destinationPort[race];
    isAt(packet.destination, packet.destinationPort, races.destination, race * 4, port, 'the destination');
  }
}

function isAt(
  found: AddressWords,
  foundPort: number,
  words: AddressWords,
  at: number,
  port: number,
  what: string,
): void {
  same(foundPort, port, `the port of ${what}`);
  holds(sameAddress(found, 0, words, at), `${what} is another`);
}
