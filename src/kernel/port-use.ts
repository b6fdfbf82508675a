/**
 * How much of its ports every source address of a route has in use towards each server. Every server has all ports of an address to
 * itself (RFC 7857 section 3). What is over does not count: its port goes to the next flow that needs one, as the kernel does it
 * itself since Linux 6.6 (nf_nat_used_tuple_harder) and older ones are helped to (`resting`).
 */
import { release } from 'node:os';
import { formatAddress, sameAddress } from '../model/address.js';
import type { PortRange } from '../model/config.js';
import { HIGH_PORTS, includes, sizeOf } from '../model/ports.js';
import { TCP_CONNTRACK } from '../wire/netlink/ctnetlink.js';
import type { Entry } from '../wire/netlink/ctnetlink-entry.js';
import { PROTOCOL } from '../wire/packet.js';
import { isBefore } from './fast-path.js';
import { FlowList } from './flow-list.js';
import { type Marks, routeOfMark } from './marks.js';

/** The ports of one source address of a route towards one server. */
export interface PortUse {
  readonly route: number;
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** Of the ports there are; 1: none is left. */
  share: number;
  /** The same with those whose flows are over. */
  held: number;
  /** Who has most of them, the first first. Only where the share is worth a look. */
  users: readonly { readonly client: string; readonly count: number }[];
}

export interface PortQuestion {
  readonly marks: Marks;
  /** Those that the kernel gives to TCP; UDP has all. */
  readonly tcpPorts: PortRange;
  /** From this share on its users are counted. */
  readonly alarm: number;
}

/** Visits every entry of the connection table; `visit` must not keep it. */
export type EachEntry = (visit: (entry: Entry) => void) => Promise<void>;

const MOST_USERS = 3;

export async function readPortUse(each: EachEntry, question: PortQuestion): Promise<PortUse[]> {
  const uses = new Map<string, PortUse & { count: number; over: number }>();
  await each((entry) => {
    const key = keyOf(entry, question);
    if (key === null) return;
    let use = uses.get(key);
    if (use === undefined) {
      const { family, protocol, destinationPort } = entry;
      const route = routeOfMark(question.marks, entry.mark);
      const destination = formatAddress(entry.destination);
      const none = { share: 0, held: 0, users: [], count: 0, over: 0 };
      use = { route, family, protocol, destination, destinationPort, ...none };
      uses.set(key, use);
    }
    if (isOver(entry)) use.over++;
    else use.count++;
    const size = sizeOf(portsOf(entry, question));
    use.share = use.count / size;
    use.held = (use.count + use.over) / size;
  });
  const busy = new Map([...uses].filter(([, { share }]) => share >= question.alarm));
  if (busy.size > 0) await nameUsers(each, question, busy);
  return [...uses.values()];
}

/** A server and its port, as people write them. */
export function serverOf({ destination, destinationPort, family }: PortUse): string {
  return family === 6 ? `[${destination}]:${destinationPort}` : `${destination}:${destinationPort}`;
}

/** Whether a kernel gives the port of a flow that is over to another one. */
export function reusesPorts(kernel = release()): boolean {
  return !isBefore(kernel, [6, 6]);
}

/** From this share of held ports on, and down to this one, ports are freed for a kernel that does not do it by itself. */
export const RECLAIM = { from: 0.75, to: 0.5 } as const;

/** Flows that are over and rest longest, whose ports are needed. */
export async function resting(each: EachEntry, question: PortQuestion): Promise<FlowList> {
  const uses = new Map<
    string,
    { held: number; over: number; size: number; rests: number[]; limit: number }
  >();
  await each((entry) => {
    const key = keyOf(entry, question);
    if (key === null || entry.protocol !== PROTOCOL.TCP) return;
    const size = sizeOf(question.tcpPorts);
    const use = uses.get(key) ?? { held: 0, over: 0, size, rests: [], limit: 0 };
    uses.set(key, use);
    use.held++;
    if (isOver(entry)) use.rests.push(entry.timeoutSeconds);
  });
  for (const use of uses.values()) {
    const { held, size, rests } = use;
    if (held < size * RECLAIM.from) continue;
    use.over = Math.min(rests.length, Math.max(0, held - Math.floor(size * RECLAIM.to)));
    use.limit = rests.sort((a, b) => a - b)[use.over - 1] ?? 0;
  }
  const found = new FlowList();
  await each((entry) => {
    const key = keyOf(entry, question);
    const use = key === null ? undefined : uses.get(key);
    if (use === undefined || use.over === 0 || !isOver(entry) || entry.timeoutSeconds > use.limit) return;
    use.over--;
    found.add(entry);
  });
  return found;
}

async function nameUsers(
  each: EachEntry,
  question: PortQuestion,
  busy: ReadonlyMap<string, PortUse>,
): Promise<void> {
  // BOUNDED: by the entries of the connection table.
  const counts = new Map<string, Map<string, number>>();
  await each((entry) => {
    const key = keyOf(entry, question);
    if (key === null || !busy.has(key) || isOver(entry)) return;
    const of = counts.get(key) ?? new Map<string, number>();
    counts.set(key, of);
    const client = formatAddress(entry.client);
    of.set(client, (of.get(client) ?? 0) + 1);
  });
  for (const [key, use] of busy)
    use.users = [...(counts.get(key) ?? [])]
      .map(([client, count]) => ({ client, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, MOST_USERS);
}

/** What the ports of an entry are counted under; null: it has none of them. */
function keyOf(entry: Entry, question: PortQuestion): string | null {
  const { client, source, protocol, destination, destinationPort } = entry;
  const route = routeOfMark(question.marks, entry.mark);
  const isPorted = protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP;
  // The provider sees the client's own address: a port forward, say.
  if (route === 0 || !isPorted || sameAddress(client, 0, source, 0)) return null;
  if (!includes(portsOf(entry, question), entry.sourcePort)) return null;
  return `${route} ${source.join()} ${protocol} ${destination.join()} ${destinationPort}`;
}

function portsOf({ protocol }: Entry, { tcpPorts }: PortQuestion): PortRange {
  return protocol === PROTOCOL.TCP ? tcpPorts : HIGH_PORTS;
}

/** As the kernel has it (nf_nat_may_kill). */
function isOver({ protocol, tcpState }: Entry): boolean {
  const { TIME_WAIT, CLOSE } = TCP_CONNTRACK;
  return protocol === PROTOCOL.TCP && (tcpState === TIME_WAIT || tcpState === CLOSE);
}
