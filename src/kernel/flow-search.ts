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

/** Living flows of routes that a question is about, at most `limit`. A dump is given up as soon as there are so many. */
export function searchFlows(
  marks: Marks,
  question: FlowQuestion,
  limit: number,
  hasIpv6: boolean,
): OpenFlow[] {
  const found: OpenFlow[] = [];
  const named = question.destination ?? question.client;
  const families = named === null ? ([4, 6] as const) : [familyOf(named)];
  for (const family of families) {
    if (family === 6 && !hasIpv6) continue;
    if (question.client !== null && familyOf(question.client) !== family) continue;
    collect(family, marks, question, limit, found);
    if (found.length >= limit) break;
  }
  return found;
}

/** A page of them, in the order of the table: `limit` behind the first `skip`. Read in slices where the kernel cannot tell them apart. */
export async function pageOfFlows(
  marks: Marks,
  question: FlowQuestion,
  { skip, limit }: { readonly skip: number; readonly limit: number },
  hasIpv6: boolean,
): Promise<OpenFlow[]> {
  const { client, destination } = question;
  if (client !== null || destination !== null)
    return searchFlows(marks, question, skip + limit, hasIpv6).slice(skip);
  const found: OpenFlow[] = [];
  let passed = 0;
  const visit = (entry: Entry): void => {
    if (found.length >= limit || !isAsked(entry, marks, question)) return;
    if (passed++ >= skip) found.push(copy(entry));
  };
  await eachEntryInSlices(hasIpv6 ? [4, 6] : [4], visit, () => found.length >= limit);
  return found;
}

function collect(
  family: 4 | 6,
  marks: Marks,
  question: FlowQuestion,
  limit: number,
  found: OpenFlow[],
): void {
  const { client, destination, route, service } = question;
  const mark = (routeMark(marks, route) | serviceMark(marks, service)) >>> 0;
  const mask = ((route === 0 ? 0 : marks.routeMask) | (service === 0 ? 0 : marks.serviceMask)) >>> 0;
  const entry = createEntry();
  const visit: EachMessage = (message, view) => {
    if (message.type !== IPCTNL_MSG_CT.NEW || found.length >= limit) return;
    if (!decodeEntry(entry, view, message.body, message.end)) return;
    if (isAsked(entry, marks, question)) found.push(copy(entry));
  };
  // Linux before 5.8 refuses the filter; then every entry is looked at here.
  const filters = client === null && destination === null ? [false] : [true, false];
  for (const filtered of filters) {
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBytes: 256 * 1024 });
    const ends = filtered ? { client, destination } : { client: null, destination: null };
    let refused = false;
    try {
      encodeSearch(socket.writer, { family, ...ends, mark, mask }, socket.nextSequence());
      refused = socket.flush() !== 0;
      const onError = (error: number): void => {
        refused ||= error !== 0;
      };
      while (!refused && found.length < limit && socket.read(onError, visit)) {
        // Until the dump has ended, or there is enough.
      }
    } finally {
      // With what the kernel has not yet sent.
      socket.close();
    }
    if (!refused) return;
  }
}

/** The kernel's filter may be wider, or unknown to it. */
function isAsked(entry: Entry, marks: Marks, question: FlowQuestion): boolean {
  const { client, destination, port, protocol, clientPort } = question;
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
