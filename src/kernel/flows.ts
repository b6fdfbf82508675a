/** Living flows in the kernel's table: counted for `status`, cut when their route is gone or an operator says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FlowCount } from '../core/path/stalls.js';
import { type AddressWords, familyOf, formatAddress, parseAddress, sameAddress } from '../model/address.js';
import type { PortRange } from '../model/config.js';
import { buildTcp, type Ends } from '../wire/build.js';
import {
  createEntry,
  decodeEntry,
  type Entry,
  encodeDeleteByTuple,
  encodeGetByOriginal,
  IPCTNL_MSG_CT,
  TCP_CONNTRACK,
} from '../wire/netlink/ctnetlink.js';
import { FLAG, PROTOCOL } from '../wire/packet.js';
import { tryCommand } from './command.js';
import { dumpEntries } from './conntrack-table.js';
import { SET_RESET, TABLE } from './constants.js';
import type { FastPath } from './fast-path.js';
import { E } from './ffi.js';
import { type Marks, routeOfMark, serviceOfMark } from './marks.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';
import { type PortUse, readPortUse, resting } from './port-use.js';
import { RawSocket } from './raw-socket.js';

export interface Flow {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  /** What names its entry. */
  readonly original: Uint8Array;
}

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

export class Flows {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBytes: 256 * 1024 });
  private readonly families: readonly (4 | 6)[];
  private readonly entry = createEntry();

  constructor(
    private readonly marks: Marks,
    hasIpv6: boolean,
    private readonly fastPath: Pick<FastPath, 'without'>,
  ) {
    this.families = hasIpv6 ? [4, 6] : [4];
  }

  /** Living connections per route number: TCP that is not over, and everything else that has an entry. */
  count(): Map<number, number> {
    const counts = new Map<number, number>();
    this.each(0, 0, (entry) => {
      const route = routeOfMark(this.marks, entry.mark);
      if (route === 0 || isOver(entry)) return;
      counts.set(route, (counts.get(route) ?? 0) + 1);
    });
    return counts;
  }

  /**
   * Cuts the flows of a route and family whose translated source is none of `keep`. Untranslated flows, those that came in by the
   * provider among them, carry none of the route's addresses and stay.
   */
  async cutLost(route: number, family: 4 | 6, keep: readonly string[]): Promise<number> {
    const kept = new Set(keep.map((text) => formatAddress(parseAddress(text)!)));
    return this.cut((flow) => {
      const ours = flow.route === route && flow.family === family && !flow.untranslated;
      return ours && !kept.has(formatAddress(flow.source));
    });
  }

  /**
   * Cuts the flows that are chosen: their entries go; TCP clients are reset, so that applications reconnect now, and the
   * next datagram of any other is a new flow. Returns how many were cut. `marks`: by which they are read.
   */
  async cut(isChosen: (flow: MarkedFlow) => boolean, marks = this.marks): Promise<number> {
    const cut: Flow[] = [];
    this.each(0, 0, (entry) => {
      const { mark } = entry;
      marked.family = entry.family;
      marked.route = routeOfMark(marks, mark);
      marked.service = serviceOfMark(marks, mark);
      marked.untranslated = isUntranslated(entry);
      marked.byMain = (mark & marks.chosen) === 0;
      marked.source = entry.source;
      if (marked.route !== 0 && !isOver(entry) && isChosen(marked)) cut.push(copyFlow(entry));
    });
    const tcp = cut.filter((flow) => flow.protocol === PROTOCOL.TCP);
    // First the set that answers the clients, then the entries: nothing slips through in between.
    await this.declareReset(tcp);
    let left = cut;
    if (cut.length > 0)
      await this.fastPath.without(async () => {
        left = await this.removeAll(cut);
      });
    this.poke(tcp);
    return cut.length - left.length;
  }

  /** Whether a client's TCP flow goes by a flowtable now. */
  isOffloaded(client: AddressWords, clientPort: number, server: AddressWords, serverPort: number): boolean {
    const ends = { client, clientAt: 0, clientPort, destination: server, destinationAt: 0 };
    const source = { translated: false, source: client, sourceAt: 0, sourcePort: clientPort };
    const family = familyOf(client);
    const flow = { family, ...ends, destinationPort: serverPort, ...source, mark: 0, additions: null };
    let offloaded = false;
    encodeGetByOriginal(this.socket.writer, flow, this.socket.nextSequence());
    this.socket.request((message, view) => {
      const isEntry = message.type === IPCTNL_MSG_CT.NEW;
      if (isEntry && decodeEntry(this.entry, view, message.body, message.end))
        offloaded = this.entry.offloaded;
    });
    return offloaded;
  }

  /** How many ports are in use where (port-use.ts). */
  portUse(tcpPorts: PortRange, alarm: number): PortUse[] {
    return readPortUse((visit) => this.each(0, 0, visit), { marks: this.marks, tcpPorts, alarm });
  }

  /** Frees ports of flows that are over, where the kernel does not do it by itself; how many. */
  reclaimPorts(tcpPorts: PortRange): number {
    const question = { marks: this.marks, tcpPorts, alarm: 1 };
    const found = resting((visit) => this.each(0, 0, visit), question);
    return found.filter((flow) => this.remove(flow) === 0).length;
  }

  /** What the flows of a family have sent and received until now. BOUNDED: MOST_TALKS. */
  talks(family: 4 | 6): Map<string, Talk> {
    const talks = new Map<string, Talk>();
    dumpEntries(this.socket, family, 0, 0, (entry) => {
      const route = routeOfMark(this.marks, entry.mark);
      // What is over says who has answered, where nobody speaks now.
      const most = isOver(entry) ? MOST_OVER : MOST_TALKS;
      if (route === 0 || entry.sent < 0 || talks.size >= most) return;
      const { sent, received, tcpState } = entry;
      talks.set(entry.original.join(), {
        route,
        destination: formatAddress(entry.destination),
        isEstablished: tcpState === TCP_CONNTRACK.ESTABLISHED,
        sent,
        received,
      });
    });
    return talks;
  }

  /**
   * Visits the TCP flows of routes that are not over, with their counters; `others`: everything else of routes that is answered. Not those
   * that go the main table's own way: a modem's page says nothing of what is behind it.
   */
  eachCounted(visit: (flow: FlowCount) => void, others: (flow: FlowCount) => void): void {
    this.each(0, 0, (entry) => {
      const route = routeOfMark(this.marks, entry.mark);
      const isChosen = route !== 0 && (entry.mark & this.marks.chosen) !== 0;
      if (!isChosen || entry.sentBytes < 0 || isOver(entry)) return;
      fillCounted(entry, route);
      if (entry.protocol === PROTOCOL.TCP) visit(counted);
      else if (entry.received > 0) others(counted);
    });
  }

  close(): void {
    this.socket.close();
  }

  private each(mark: number, mask: number, visit: (entry: Entry) => void): void {
    for (const family of this.families) dumpEntries(this.socket, family, mark, mask, visit);
  }

  private async declareReset(flows: readonly Flow[]): Promise<void> {
    for (const family of this.families) {
      const elements = flows
        .filter((flow) => flow.family === family)
        .map(
          (f) =>
            `${formatAddress(f.client)} . ${f.clientPort} . ${formatAddress(f.destination)} . ${f.destinationPort}`,
        );
      for (let i = 0; i < elements.length; i += BATCH) {
        const list = elements.slice(i, i + BATCH).join(', ');
        const text = `add element inet ${TABLE} ${SET_RESET[family]} { ${list} }\n`;
        // A set that is full is no reason to keep flows that have to go; a failure that passes is none to leave clients waiting.
        if ((await tryCommand('nft', ['-f', '-'], text)).code !== 0)
          await tryCommand('nft', ['-f', '-'], text);
      }
    }
  }

  /**
   * Returns those that stay. What has just left a flowtable is busy until the kernel has cleaned up behind it; on kernels before 6.4 what is
   * in somebody else's stays so until it leaves that.
   */
  private async removeAll(flows: readonly Flow[]): Promise<Flow[]> {
    let busy = [...flows];
    for (let attempt = 1; attempt <= REMOVALS && busy.length > 0; attempt++) {
      if (attempt > 1) await sleep(REMOVAL_PAUSE_MS);
      busy = busy.filter((flow) => this.remove(flow) === E.BUSY);
    }
    return busy;
  }

  private remove({ family, original }: Pick<Flow, 'family' | 'original'>): number {
    encodeDeleteByTuple(this.socket.writer, family, original, this.socket.nextSequence());
    return this.socket.request();
  }

  /**
   * A client that only waits would not notice. An unacceptable segment from the server makes it answer with an ACK
   * (RFC 9293 section 3.10.7.4), and the kernel answers that with the exact reset.
   */
  private poke(flows: readonly Flow[]): void {
    for (const family of this.families) {
      const of = flows.filter((flow) => flow.family === family);
      if (of.length === 0) continue;
      const raw = new RawSocket(family, () => {});
      for (const flow of of) {
        const ends: Ends = {
          family,
          source: flow.destination,
          sourceAt: 0,
          sourcePort: flow.destinationPort,
          destination: flow.client,
          destinationAt: 0,
          destinationPort: flow.clientPort,
        };
        const length = buildTcp(ends, 0, 0, FLAG.ACK, raw.begin());
        raw.commit(length, this.marks.own, -1);
      }
      raw.flush();
      raw.close();
    }
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

const BATCH = 500;
const MOST_TALKS = 50_000;
const MOST_OVER = 1000;
const REMOVALS = 20;
const REMOVAL_PAUSE_MS = 50;

function isOver(entry: Entry): boolean {
  return (
    entry.protocol === PROTOCOL.TCP &&
    (entry.tcpState === TCP_CONNTRACK.TIME_WAIT ||
      entry.tcpState === TCP_CONNTRACK.CLOSE ||
      entry.tcpState === TCP_CONNTRACK.LAST_ACK)
  );
}

/** The provider sees the client's own address: a port forward, say. */
function isUntranslated({ client, source }: Entry): boolean {
  return sameAddress(client, 0, source, 0);
}

function copyFlow(entry: Entry): Flow {
  return {
    family: entry.family,
    protocol: entry.protocol,
    client: entry.client.slice(),
    clientPort: entry.clientPort,
    destination: entry.destination.slice(),
    destinationPort: entry.destinationPort,
    original: entry.original.slice(),
  };
}
