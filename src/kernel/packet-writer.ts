/** Turns the engine's effects into packets in the raw sockets' batches, and into conntrack flows. */
import type { Engine } from '../core/engine.js';
import type { EngineService, RaceId, RouteNumber, ServiceNumber } from '../core/engine-types.js';
import { EVIDENCE_RST } from '../core/race/table.js';
import { TRANSLATE } from '../core/race/translated.js';
import type { Family } from '../model/address.js';
import {
  buildCopy,
  buildIcmpError,
  buildReset,
  type CopyFields,
  type Ends,
  MAX_SETUP_LENGTH,
} from '../wire/build.js';
import type { FlowEntry } from '../wire/netlink/ctnetlink.js';
import type { Packet } from '../wire/packet.js';
import { MARK, routeMark, serviceMark } from './constants.js';
import type { RawSocket } from './raw-socket.js';

/** IP and TCP header without options, per family: what an MTU leaves for a segment. */
const HEADERS = { 4: 40, 6: 60 } as const;
const NO_TAG = -1;
const NO_WORDS = new Int32Array(4);

export class PacketWriter {
  private readonly fields: CopyFields = { source: NO_WORDS, sourceAt: 0, sourcePort: 0, mss: 0 };
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
    private readonly engine: Engine,
    private readonly raw4: RawSocket,
    private readonly raw6: RawSocket | null,
  ) {}

  /** The copy of a race's set-up packet for a route. A refusal of the kernel comes back with race and route as tag. */
  copy(race: RaceId, route: RouteNumber): void {
    const { races } = this.engine;
    const family = races.family[race] as Family;
    const raw = this.socket(family);
    if (raw === null) return;
    const { fields } = this;
    const config = this.engine.routes[route - 1];
    fields.source = races.attemptAddress;
    fields.sourceAt = races.attempt(race, route) * 4;
    fields.sourcePort = this.engine.portOf(race, route);
    fields.mss = this.engine.mtuOf(config, races.destination, race * 4) - HEADERS[family];
    const at = raw.begin();
    const setupAt = race * MAX_SETUP_LENGTH;
    const length = buildCopy(races.setup, setupAt, races.setupLength[race], fields, raw.bytes, raw.view, at);
    raw.commit(length, races.destination, race * 4, (MARK.OWN | routeMark(route)) >>> 0, race * 32 + route);
  }

  /** The exact reset for an attempt. */
  reset(race: RaceId, route: RouteNumber, sequence: number): void {
    const { races } = this.engine;
    const { ends } = this;
    ends.family = races.family[race] as Family;
    const raw = this.socket(ends.family);
    if (raw === null) return;
    ends.source = races.attemptAddress;
    ends.sourceAt = races.attempt(race, route) * 4;
    ends.sourcePort = this.engine.portOf(race, route);
    ends.destination = races.destination;
    ends.destinationAt = race * 4;
    ends.destinationPort = races.destinationPort[race];
    const length = buildReset(ends, sequence, null, raw.bytes, raw.view, raw.begin());
    raw.commit(length, races.destination, race * 4, (MARK.OWN | routeMark(route)) >>> 0, NO_TAG);
  }

  /** The reset for a SYN+ACK that belongs to no race, back the way it came. */
  refuse(packet: Packet, route: RouteNumber): void {
    const { ends } = this;
    ends.family = packet.family;
    const raw = this.socket(ends.family);
    if (raw === null) return;
    ends.source = packet.destination;
    ends.sourceAt = 0;
    ends.sourcePort = packet.destinationPort;
    ends.destination = packet.source;
    ends.destinationAt = 0;
    ends.destinationPort = packet.sourcePort;
    const length = buildReset(ends, packet.acknowledgement, null, raw.bytes, raw.view, raw.begin());
    raw.commit(length, packet.source, 0, (MARK.OWN | routeMark(route)) >>> 0, NO_TAG);
  }

  /** The error of a route as the client must see it: to the client's own tuple, about the client's own packet. */
  reject(race: RaceId, route: RouteNumber): void {
    const { races } = this.engine;
    const { ends } = this;
    ends.family = races.family[race] as Family;
    const raw = this.socket(ends.family);
    if (raw === null) return;
    const at = races.attempt(race, route);
    const evidence = races.attemptEvidence[at];
    const words = races.attemptEvidenceWords;
    ends.destination = races.client;
    ends.destinationAt = race * 4;
    ends.destinationPort = races.clientPort[race];
    const start = raw.begin();
    let length: number;
    if (evidence === EVIDENCE_RST) {
      ends.source = races.destination;
      ends.sourceAt = race * 4;
      ends.sourcePort = races.destinationPort[race];
      length = buildReset(ends, words[at * 4], words[at * 4 + 1], raw.bytes, raw.view, start);
    } else {
      ends.source = words;
      ends.sourceAt = at * 4;
      const setup = races.setup;
      const setupAt = race * MAX_SETUP_LENGTH;
      const setupLength = races.setupLength[race];
      const type = evidence >>> 8;
      length = buildIcmpError(
        ends,
        type,
        evidence & 255,
        setup,
        setupAt,
        setupLength,
        raw.bytes,
        raw.view,
        start,
      );
    }
    raw.commit(length, races.client, race * 4, MARK.OWN, NO_TAG);
  }

  private socket(family: Family): RawSocket | null {
    return family === 4 ? this.raw4 : this.raw6;
  }
}

export function createFlow(): FlowEntry {
  return {
    family: 4,
    client: NO_WORDS,
    clientAt: 0,
    clientPort: 0,
    destination: NO_WORDS,
    destinationAt: 0,
    destinationPort: 0,
    translated: true,
    source: NO_WORDS,
    sourceAt: 0,
    sourcePort: 0,
    mark: 0,
  };
}

/** The conntrack entry of a race won by `route`; `flow` is filled and returned. */
export function flowOf(engine: Engine, race: RaceId, route: RouteNumber, flow: FlowEntry): FlowEntry {
  const { races } = engine;
  const translated = engine.translates(race, route);
  flow.family = races.family[race] as Family;
  flow.client = races.client;
  flow.clientAt = race * 4;
  flow.clientPort = races.clientPort[race];
  flow.destination = races.destination;
  flow.destinationAt = race * 4;
  flow.destinationPort = races.destinationPort[race];
  flow.translated = translated;
  flow.source = races.attemptAddress;
  flow.sourceAt = races.attempt(race, route) * 4;
  flow.sourcePort = engine.portOf(race, route);
  flow.mark = flowMark(engine, race, route);
  return flow;
}

/** A raced flow is not rescuable: its route has answered. */
function flowMark(engine: Engine, race: RaceId, route: RouteNumber): number {
  const untranslated = engine.races.translate[race] === TRANSLATE.NEVER ? MARK.UNTRANSLATED : 0;
  const counted = engine.countsSessions ? MARK.COUNTED : 0;
  return routeMark(route) | serviceMark(engine.races.service[race]) | untranslated | counted;
}

/** The mark of a flow that a criterion has given to a route without asking its server. */
export function chosenMark(
  service: EngineService | undefined,
  number: ServiceNumber,
  route: RouteNumber,
  rescuable: boolean,
  counted: boolean,
): number {
  const hasOthers = service !== undefined && service.routes.length > 1;
  return (
    routeMark(route) |
    serviceMark(number) |
    (rescuable && hasOthers ? MARK.RESCUABLE : 0) |
    (service?.translate === false ? MARK.UNTRANSLATED : 0) |
    (counted ? MARK.COUNTED : 0)
  );
}
