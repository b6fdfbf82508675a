/** Living flows of a route in the kernel's table: counted for `status`, cut when their route has lost its address. */
import { type AddressWords, formatAddress, parseAddress } from '../model/address.js';
import { buildTcp, type Ends } from '../wire/build.js';
import { type Entry, encodeDeleteByOriginal, TCP_CONNTRACK } from '../wire/netlink/ctnetlink.js';
import { FLAG, PROTOCOL } from '../wire/packet.js';
import { tryCommand } from './command.js';
import { dumpEntries } from './conntrack.js';
import { MARK, routeMark, TABLE } from './constants.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';
import { RawSocket } from './raw-socket.js';

export interface Flow {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
}

export class Flows {
  private readonly socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBytes: 256 * 1024 });
  private readonly families: readonly (4 | 6)[];

  constructor(hasIpv6: boolean) {
    this.families = hasIpv6 ? [4, 6] : [4];
  }

  /** Living connections per route number: TCP that is not over, and everything else that has an entry. */
  count(): Map<number, number> {
    const counts = new Map<number, number>();
    this.each(0, 0, (entry) => {
      const route = (entry.mark & MARK.ROUTE_MASK) >>> MARK.ROUTE_SHIFT;
      if (route === 0 || isOver(entry)) return;
      counts.set(route, (counts.get(route) ?? 0) + 1);
    });
    return counts;
  }

  /**
   * Cuts the flows of a route whose translated source is none of `keep`: their entries go, and their clients are
   * reset, so that applications reconnect now. Returns how many were cut.
   */
  async cut(route: number, keep: readonly string[]): Promise<number> {
    const kept = new Set(keep.map((text) => formatAddress(parseAddress(text)!)));
    const cut: Flow[] = [];
    // Untranslated flows, those that came in by the provider among them, carry none of the route's addresses.
    this.each(routeMark(route), MARK.FLOW_MASK, (entry) => {
      if (!kept.has(formatAddress(entry.source))) cut.push(copyFlow(entry));
    });
    const tcp = cut.filter((flow) => flow.protocol === PROTOCOL.TCP);
    // First the set that answers the clients, then the entries: nothing slips through in between.
    await this.declareReset(tcp);
    for (const flow of tcp) this.remove(flow);
    this.poke(tcp);
    return cut.length;
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
        await tryCommand('nft', ['-f', '-'], `add element inet ${TABLE} reset${family} { ${list} }\n`);
      }
    }
  }

  private remove(flow: Flow): void {
    encodeDeleteByOriginal(
      this.socket.writer,
      {
        ...flow,
        clientAt: 0,
        destinationAt: 0,
        translated: false,
        source: flow.client,
        sourceAt: 0,
        sourcePort: flow.clientPort,
        mark: 0,
      },
      this.socket.nextSequence(),
    );
    this.socket.request();
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
        const length = buildTcp(ends, 0, 0, FLAG.ACK, raw.bytes, raw.view, raw.begin());
        raw.commit(length, flow.client, 0, MARK.OWN, -1);
      }
      raw.flush();
      raw.close();
    }
  }
}

const BATCH = 500;

function isOver(entry: Entry): boolean {
  return (
    entry.protocol === PROTOCOL.TCP &&
    (entry.tcpState === TCP_CONNTRACK.TIME_WAIT ||
      entry.tcpState === TCP_CONNTRACK.CLOSE ||
      entry.tcpState === TCP_CONNTRACK.LAST_ACK)
  );
}

function copyFlow(entry: Entry): Flow {
  return {
    family: entry.family,
    protocol: entry.protocol,
    client: entry.client.slice(),
    clientPort: entry.clientPort,
    destination: entry.destination.slice(),
    destinationPort: entry.destinationPort,
  };
}
