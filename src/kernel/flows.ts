/** Living flows in the kernel's table: counted for `status`, cut when their route is gone or an operator says so. */
import type { FlowCount } from '../core/path/stalls.js';
import { type AddressWords, formatAddress, parseAddress, sameAddress } from '../model/address.js';
import type { PortRange } from '../model/config.js';
import { TCP_CONNTRACK } from '../wire/netlink/ctnetlink.js';
import { type Entry, isFinished } from '../wire/netlink/ctnetlink-entry.js';
import { PROTOCOL } from '../wire/packet.js';
import type { Boundary } from './boundary.js';
import { eachEntryInSlices } from './entry-slices.js';
import type { FastPath } from './fast-path.js';
import { FlowCounts } from './flow-counts.js';
import { type Cut, FlowCutter } from './flow-cutter.js';
import { type Marks, routeOfMark, serviceOfMark } from './marks.js';
import { type PortUse, readPortUse, resting } from './port-use.js';

/** How much a flow has said, in packets. */
export interface Talk {
  readonly route: number;
  readonly destination: string;
  readonly isEstablished: boolean;
  readonly sent: number;
  readonly received: number;
}

/** What a choice of flows sees of each; reused. */
export interface MarkedFlow {
  family: 4 | 6;
  route: number;
  service: number;
  untranslated: boolean;
  /** Its way is the main table's. */
  byMain: boolean;
  /** Four words: the source as the provider sees it. */
  source: AddressWords;
}

const marked: MarkedFlow = {
  family: 4,
  route: 0,
  service: 0,
  untranslated: false,
  byMain: false,
  source: new Int32Array(4),
};

export interface FlowsContext {
  readonly marks: Marks;
  readonly hasIpv6: boolean;
  readonly fastPath: Pick<FastPath, 'without'>;
  readonly boundary: Pick<Boundary, 'caught'>;
  /** Flows could not be cut, which is tried again; and could. */
  failed(error: unknown): void;
  worked(): void;
}

export class Flows {
  readonly counts: FlowCounts;
  readonly cutter: FlowCutter;

  private readonly marks: Marks;
  private readonly families: readonly (4 | 6)[];
  private closed = false;

  constructor(context: FlowsContext) {
    const { marks, hasIpv6, boundary } = context;
    this.marks = marks;
    this.families = hasIpv6 ? [4, 6] : [4];
    this.counts = new FlowCounts(marks, this.families, boundary);
    this.cutter = new FlowCutter({ ...context, families: this.families, own: marks.own });
  }

  /**
   * Begins to cut the flows of a route and family whose translated source is none of `keep`. Untranslated flows, those that came in by the
   * provider among them, carry none of the route's addresses and stay.
   */
  cutLost(route: number, family: 4 | 6, keep: readonly string[]): Cut {
    const kept = new Set(keep.map((text) => formatAddress(parseAddress(text)!)));
    return this.cut((flow) => {
      const ours = flow.route === route && flow.family === family && !flow.untranslated;
      return ours && !kept.has(formatAddress(flow.source));
    });
  }

  /** Begins to cut the flows that are chosen among those which are there now. `marks`: by which they are read. */
  cut(isChosen: (flow: MarkedFlow) => boolean, marks = this.marks): Cut {
    return this.cutter.start((entry) => {
      const { mark } = entry;
      marked.route = routeOfMark(marks, mark);
      if (marked.route === 0 || isFinished(entry)) return false;
      marked.family = entry.family;
      marked.service = serviceOfMark(marks, mark);
      marked.untranslated = isUntranslated(entry);
      marked.byMain = (mark & marks.chosen) === 0;
      marked.source = entry.source;
      return isChosen(marked);
    });
  }

  /** How many ports are in use where (port-use.ts). */
  portUse(tcpPorts: PortRange, alarm: number): Promise<PortUse[]> {
    return readPortUse((visit) => this.each(visit), { marks: this.marks, tcpPorts, alarm });
  }

  /** Frees ports of flows that are over, where the kernel does not do it by itself; how many. */
  async reclaimPorts(tcpPorts: PortRange): Promise<number> {
    const question = { marks: this.marks, tcpPorts, alarm: 1 };
    return this.cutter.remove(await resting((visit) => this.each(visit), question));
  }

  /** What the flows of a family have sent and received until now. BOUNDED: MOST_TALKS. */
  async talks(family: 4 | 6): Promise<Map<string, Talk>> {
    const talks = new Map<string, Talk>();
    const visit = (entry: Entry): void => {
      const route = routeOfMark(this.marks, entry.mark);
      // What is over says who has answered, where nobody speaks now.
      const most = isFinished(entry) ? MOST_OVER : MOST_TALKS;
      if (route === 0 || entry.sent < 0 || talks.size >= most) return;
      const { sent, received, tcpState } = entry;
      talks.set(String.fromCharCode(...entry.original), {
        route,
        destination: formatAddress(entry.destination),
        isEstablished: tcpState === TCP_CONNTRACK.ESTABLISHED,
        sent,
        received,
      });
    };
    await eachEntryInSlices([family], visit, () => this.closed);
    return talks;
  }

  /**
   * Visits the TCP flows of routes that are not over, with their counters; `others`: everything else of routes that is answered. Not those
   * that go the main table's own way: a modem's page says nothing of what is behind it.
   */
  eachCounted(visit: (flow: FlowCount) => void, others: (flow: FlowCount) => void): Promise<void> {
    return this.each((entry) => {
      const route = routeOfMark(this.marks, entry.mark);
      const isChosen = route !== 0 && (entry.mark & this.marks.chosen) !== 0;
      if (!isChosen || entry.sentBytes < 0 || isFinished(entry)) return;
      fillCounted(entry, route);
      if (entry.protocol === PROTOCOL.TCP) visit(counted);
      else if (entry.received > 0) others(counted);
    });
  }

  /** Cuts what was to be cut, within some seconds; how many flows that has not reached. */
  async close(): Promise<number> {
    this.counts.close();
    const left = await this.cutter.close();
    this.closed = true;
    return left;
  }

  private async each(visit: (entry: Entry) => void): Promise<void> {
    await eachEntryInSlices(this.families, visit, () => this.closed);
  }
}

const counted: FlowCount = {
  key: 0,
  route: 0,
  family: 4,
  client: new Int32Array(4),
  server: new Int32Array(4),
  sent: { packets: 0, bytes: 0 },
  received: { packets: 0, bytes: 0 },
};

function fillCounted(entry: Entry, route: number): void {
  const { client, destination, clientPort, destinationPort } = entry;
  const a = mixed(mixed(client[0] ^ client[1], client[2]), client[3] ^ clientPort);
  const b = mixed(mixed(destination[0] ^ destination[1], destination[2] ^ a), destination[3]);
  counted.key = (mixed(b, destinationPort) >>> 0) * 2 ** 21 + (a >>> 11);
  counted.route = route;
  counted.family = entry.family;
  counted.client = client;
  counted.server = destination;
  counted.sent.packets = entry.sent;
  counted.sent.bytes = entry.sentBytes;
  counted.received.packets = entry.received;
  counted.received.bytes = entry.receivedBytes;
}

/** As MurmurHash3 mixes a word in; nothing depends on it but which flows are taken for one. */
function mixed(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

const MOST_TALKS = 50_000;
const MOST_OVER = 1000;

/** The provider sees the client's own address: a port forward, say. */
function isUntranslated({ client, source }: Entry): boolean {
  return sameAddress(client, 0, source, 0);
}
