/** The engine's effects as packets, for every front end that speaks packets: what it makes of `attempt`, `cancel`, `refuse`, `reject`. */
import type { AddressWords, Family } from '../../model/address.js';
import { buildIcmpError, type Ends, type PacketSpace, type StoredSetup } from '../../wire/build.js';
import type { Packet } from '../../wire/packet.js';
import type { RaceId, RouteNumber } from '../engine-types.js';
import type { CopySource, PacketForms } from '../protocols/protocol.js';
import { EVIDENCE, icmpCodeOf, icmpTypeOf } from '../race/evidence.js';
import type { Shard } from '../shard.js';
import { mtuOf, type Site } from '../site.js';

/** Every method writes one packet into `space` and returns its length; 0: there is nothing to send. */
export class PacketBuilder {
  private readonly source: CopySource = { address: NO_WORDS, at: 0, port: 0, mtu: 0, isPlain: false };
  private readonly data: StoredSetup = { bytes: new Uint8Array(0), at: 0, length: 0 };
  private readonly state = { token: 0, sequence: 0, window: 0, taken: 0 };
  private readonly ends: Ends = {
    family: 4,
    source: NO_WORDS,
    sourceAt: 0,
    sourcePort: 0,
    destination: NO_WORDS,
    destinationAt: 0,
    destinationPort: 0,
  };

  constructor(
    private readonly site: Site,
    private readonly shard: Shard,
  ) {}

  /** How many packets the set-up of a race is. */
  countOf(race: RaceId): number {
    return this.shard.setups.countOf(race);
  }

  /** The copy of a race's set-up for a route, or of a further packet of it. */
  copy(race: RaceId, route: RouteNumber, space: PacketSpace, number = 0): number {
    const { site, source } = this;
    const { races, setups } = this.shard;
    const at = races.attempt(race, route);
    source.address = races.attemptAddress;
    source.at = at * 4;
    source.port = races.attemptPort[at];
    source.mtu = mtuOf(site, races, race, route);
    source.isPlain = this.shard.openings.has(race);
    return this.formsOf(race)?.copy(setups.of(race, number), source, space) ?? 0;
  }

  /** What tells an attempt's server that nobody will use it. */
  cancel(race: RaceId, route: RouteNumber, proof: number, space: PacketSpace): number {
    this.fillEnds(race, route);
    return this.formsOf(race)?.cancel(this.ends, proof, space) ?? 0;
  }

  /** The n-th packet that `WireSink.advance` asks for: as much of the client's words as fits, or the end of the handshake alone. */
  advance(race: RaceId, route: RouteNumber, space: PacketSpace, number: number): number {
    const { site, data } = this;
    const { races, openings } = this.shard;
    const { opening } = site.protocols[races.protocol[race]];
    if (opening === null || !openings.has(race)) return 0;
    const words = openings.wordsOf(race);
    const headers = races.family[race] === 4 ? SEGMENT_HEADERS[4] : SEGMENT_HEADERS[6];
    const size = Math.max(
      1,
      Math.min(openings.segmentOf(race, route), mtuOf(site, races, race, route) - headers),
    );
    const taken = Math.min(words.length, openings.acknowledgedOf(race, route) + number * size);
    const isComplete = !openings.isSafe(race) || taken === words.length;
    if (isComplete && number > 0) return 0;
    data.bytes = words.bytes;
    data.at = words.at + taken;
    data.length = isComplete ? 0 : Math.min(size, words.length - taken);
    this.fillEnds(race, route);
    this.state.token = races.token[race];
    this.state.sequence = openings.sequenceOf(race, route);
    this.state.window = openings.windowOf(race);
    this.state.taken = isComplete ? openings.acknowledgedOf(race, route) : taken;
    return opening.write(this.ends, this.state, data, space);
  }

  private fillEnds(race: RaceId, route: RouteNumber): void {
    const { races } = this.shard;
    const { ends } = this;
    const at = races.attempt(race, route);
    ends.family = races.family[race] as Family;
    ends.source = races.attemptAddress;
    ends.sourceAt = at * 4;
    ends.sourcePort = races.attemptPort[at];
    ends.destination = races.destination;
    ends.destinationAt = race * 4;
    ends.destinationPort = races.destinationPort[race];
  }

  /** The same for the sender of a packet that belongs to no race, back the way it came. */
  refuse(packet: Packet, space: PacketSpace): number {
    const { ends } = this;
    ends.family = packet.family;
    ends.source = packet.destination;
    ends.sourceAt = 0;
    ends.sourcePort = packet.destinationPort;
    ends.destination = packet.source;
    ends.destinationAt = 0;
    ends.destinationPort = packet.sourcePort;
    for (const { transport, packets } of this.site.protocols)
      if (transport === packet.protocol && packets !== null) return packets.refuse(ends, packet, space);
    return 0;
  }

  /** The error of a route as the client must see it: to the client's own ends, about the client's own packet. */
  reject(race: RaceId, route: RouteNumber, space: PacketSpace, question = 0): number {
    const { races, setups } = this.shard;
    const { ends } = this;
    const at = races.attempt(race, route);
    const isKept = setups.refusalOf(race, question).length > 0;
    const evidence = isKept ? EVIDENCE.REFUSED : races.attemptEvidence[at];
    ends.family = races.family[race] as Family;
    ends.destination = races.client;
    ends.destinationAt = race * 4;
    ends.destinationPort = races.clientPort[race];
    if (evidence === EVIDENCE.REFUSED) {
      ends.source = races.destination;
      ends.sourceAt = race * 4;
      ends.sourcePort = races.destinationPort[race];
      return (
        this.formsOf(race)?.reject(
          ends,
          races.attemptEvidenceWords,
          at * 4,
          space,
          setups.refusalOf(race, question),
        ) ?? 0
      );
    }
    ends.source = races.attemptEvidenceWords;
    ends.sourceAt = at * 4;
    return buildIcmpError(ends, icmpTypeOf(evidence), icmpCodeOf(evidence), setups.of(race), space);
  }

  private formsOf(race: RaceId): PacketForms | null {
    return this.site.protocols[this.shard.races.protocol[race]].packets;
  }
}

const NO_WORDS: AddressWords = new Int32Array(4);
/** IP and TCP, by family. */
const SEGMENT_HEADERS = { 4: 40, 6: 60 } as const;
