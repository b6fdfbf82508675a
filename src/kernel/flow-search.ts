/** Connections that are open now, found by who they belong to: for people who ask, a few at a time. */
import { type AddressWords, familyOf, sameAddress } from '../model/address.js';
import { IPCTNL_MSG_CT } from '../wire/netlink/ctnetlink.js';
import { createEntry, decodeEntry, type Entry, isFinished } from '../wire/netlink/ctnetlink-entry.js';
import { encodeSearch } from '../wire/netlink/ctnetlink-search.js';
import { eachEntryInSlices } from './entry-slices.js';
import { type Marks, routeMark, routeOfMark, serviceMark } from './marks.js';
import { type EachMessage, NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

/** Null and 0: any. */
export interface FlowQuestion {
  readonly client: AddressWords | null;
  readonly destination: AddressWords | null;
  readonly port: number | null;
  readonly route: number;
  readonly service: number;
  readonly protocol?: number | null;
  readonly clientPort?: number | null;
}

export interface OpenFlow {
  readonly protocol: number;
  readonly client: AddressWords;
  readonly clientPort: number;
  readonly destination: AddressWords;
  readonly destinationPort: number;
  readonly mark: number;
  readonly offloaded: boolean;
}

/** `limit` of them behind the first `skip`. */
interface Part {
  readonly skip: number;
  readonly limit: number;
}

/**
 * Living flows of routes that a question is about, at most `limit`. The kernel narrows the dump down where it can; else every entry is
 * looked at here, in slices, and a dump is given up as soon as there are enough.
 */
export async function searchFlows(
  marks: Marks,
  question: FlowQuestion,
  limit: number,
  hasIpv6: boolean,
): Promise<OpenFlow[]> {
  const found: OpenFlow[] = [];
  const named = question.destination ?? question.client;
  const families = named === null ? ([4, 6] as const) : [familyOf(named)];
  for (const family of families) {
    if (family === 6 && !hasIpv6) continue;
    if (question.client !== null && familyOf(question.client) !== family) continue;
    const part = { skip: 0, limit: limit - found.length };
    const narrowed = searchNarrowed(family, marks, question, part.limit);
    found.push(...(narrowed ?? (await searchAll([family], marks, question, part))));
    if (found.length >= limit) break;
  }
  return found;
}

/** A page of them, in the order of the table: `limit` behind the first `skip`. Read in slices where the kernel cannot tell them apart. */
export async function pageOfFlows(
  marks: Marks,
  question: FlowQuestion,
  part: Part,
  hasIpv6: boolean,
): Promise<OpenFlow[]> {
  const { client, destination } = question;
  if (client !== null || destination !== null) {
    const found = await searchFlows(marks, question, part.skip + part.limit, hasIpv6);
    return found.slice(part.skip);
  }
  return searchAll(hasIpv6 ? [4, 6] : [4], marks, question, part);
}

async function searchAll(
  families: readonly (4 | 6)[],
  marks: Marks,
  question: FlowQuestion,
  { skip, limit }: Part,
): Promise<OpenFlow[]> {
  const found: OpenFlow[] = [];
  let passed = 0;
  const visit = (entry: Entry): void => {
    if (found.length >= limit || !isAsked(entry, marks, question)) return;
    if (passed++ >= skip) found.push(copy(entry));
  };
  await eachEntryInSlices(families, visit, () => found.length >= limit);
  return found;
}

/** What the kernel says when it is asked for these alone; null where it cannot be, or is not to be believed. */
function searchNarrowed(
  family: 4 | 6,
  marks: Marks,
  question: FlowQuestion,
  limit: number,
): OpenFlow[] | null {
  const { client, destination, route, service } = question;
  const mark = (routeMark(marks, route) | serviceMark(marks, service)) >>> 0;
  const mask = ((route === 0 ? 0 : marks.routeMask) | (service === 0 ? 0 : marks.serviceMask)) >>> 0;
  const hasAddress = client !== null || destination !== null;
  if ((mask === 0 && !hasAddress) || (hasAddress && family === 6 && filter6 === 'wrong')) return null;
  const found: OpenFlow[] = [];
  const entry = createEntry();
  let refused = false;
  let foreign = false;
  let answered = 0;
  const visit: EachMessage = (message, view) => {
    if (message.type !== IPCTNL_MSG_CT.NEW || found.length >= limit) return;
    if (!decodeEntry(entry, view, message.body, message.end)) return;
    answered++;
    foreign ||= !hasEnds(entry, question);
    if (isAsked(entry, marks, question)) found.push(copy(entry));
  };
  const onError = (error: number): void => {
    refused ||= error !== 0;
  };
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBytes: 256 * 1024 });
  try {
    encodeSearch(socket.writer, { family, client, destination, mark, mask }, socket.nextSequence());
    refused = socket.flush() !== 0;
    while (!refused && !foreign && found.length < limit && socket.read(onError, visit)) {
      // Until the dump has ended, or there is enough.
    }
  } finally {
    // With what the kernel has not yet sent.
    socket.close();
  }
  // Linux before 5.8 refuses the filter, or tells everything.
  if (refused || foreign) {
    if (foreign && family === 6) filter6 = 'wrong';
    return null;
  }
  if (family === 4 || !hasAddress) return found;
  if (answered > 0) filter6 = 'right';
  return filter6 === 'right' ? found : null;
}

/**
 * Whether the kernel's filter does for addresses of IPv6 what it says. Many take `ipv6_addr_cmp` for a test of equality
 * (ctnetlink_filter_match_tuple, net/netfilter/nf_conntrack_netlink.c; 6.1 does), and tell all but those that are asked for. An answer shows
 * which it is; no answer may be either.
 */
let filter6: 'unknown' | 'right' | 'wrong' = 'unknown';

/** The kernel's filter may be wider, or unknown to it. */
function isAsked(entry: Entry, marks: Marks, question: FlowQuestion): boolean {
  const { port, protocol, clientPort } = question;
  const route = routeOfMark(marks, entry.mark);
  if (route === 0 || isFinished(entry)) return false;
  if (question.route !== 0 && question.route !== route) return false;
  if (
    question.service !== 0 &&
    (entry.mark & marks.serviceMask) >>> 0 !== serviceMark(marks, question.service)
  )
    return false;
  if (port !== null && entry.destinationPort !== port) return false;
  if (protocol != null && entry.protocol !== protocol) return false;
  if (clientPort != null && entry.clientPort !== clientPort) return false;
  return hasEnds(entry, question);
}

function hasEnds(entry: Entry, { client, destination }: FlowQuestion): boolean {
  if (client !== null && !sameAddress(entry.client, 0, client, 0)) return false;
  return destination === null || sameAddress(entry.destination, 0, destination, 0);
}

function copy(entry: Entry): OpenFlow {
  return {
    protocol: entry.protocol,
    client: entry.client.slice(),
    clientPort: entry.clientPort,
    destination: entry.destination.slice(),
    destinationPort: entry.destinationPort,
    mark: entry.mark >>> 0,
    offloaded: entry.offloaded,
  };
}
