/** Reads small parts of our table, whatever else is in it and however often it changes meanwhile. */
import { type MessageView, NLM_F } from '../wire/netlink/message.js';
import {
  decodeChain,
  decodeCounter,
  decodeRuleComment,
  decodeSet,
  encodeGetChains,
  encodeGetCounters,
  encodeGetRules,
  encodeGetSets,
  NFT_MSG,
} from '../wire/netlink/nftables.js';
import { TABLE } from './constants.js';
import { E } from './ffi.js';
import { type EachMessage, NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';

/** The comments of the rules of a chain, in their order, '' for a rule without; empty when there is no such chain. */
export function readRuleComments(chain: string): string[] {
  return withSocket((socket) => {
    const comments: string[] = [];
    encodeGetRules(socket.writer, TABLE, chain, socket.nextSequence());
    ask(socket, (message, view) => {
      if (message.type !== NFT_MSG.NEWRULE) return;
      comments.push(decodeRuleComment(view, message.body, message.end));
    });
    return comments;
  });
}

/** Packets, or bytes with all headers of IP, per named counter. */
export function readCounters(what: 'packets' | 'bytes' = 'packets'): Map<string, number> {
  return withSocket((socket) => {
    const counters = new Map<string, number>();
    encodeGetCounters(socket.writer, TABLE, socket.nextSequence());
    ask(socket, (message, view) => {
      if (message.type !== NFT_MSG.NEWOBJ) return;
      const counter = decodeCounter(view, message.body, message.end, TABLE);
      if (counter !== null) counters.set(counter.name, counter[what]);
    });
    return counters;
  });
}

/** Something in our table that has a name. */
export interface TableObject {
  readonly kind: 'chain' | 'set' | 'map' | 'counter' | 'ct helper';
  readonly name: string;
}

/** Everything in our table that has a name; empty when there is no table. */
export function readObjects(): TableObject[] {
  for (let attempt = 1; ; attempt++) {
    const { objects, whole } = withSocket(readOnce);
    if (whole || attempt === ATTEMPTS) return objects;
  }
}

/** An answer of several parts is whole unless somebody has changed something meanwhile: elements are changed all the time. */
const ATTEMPTS = 20;

function readOnce(socket: NetlinkSocket): { objects: TableObject[]; whole: boolean } {
  const objects: TableObject[] = [];
  let whole = true;
  const dump = (type: number, read: (message: MessageView, view: DataView) => TableObject | null): void => {
    ask(socket, (message, view) => {
      if ((message.flags & NLM_F.DUMP_INTR) !== 0) whole = false;
      const found = message.type === type ? read(message, view) : null;
      if (found !== null) objects.push(found);
    });
  };
  encodeGetChains(socket.writer, socket.nextSequence());
  dump(NFT_MSG.NEWCHAIN, ({ body, end }, view) => {
    const name = decodeChain(view, body, end, TABLE);
    return name === null ? null : { kind: 'chain', name };
  });
  encodeGetSets(socket.writer, TABLE, socket.nextSequence());
  dump(NFT_MSG.NEWSET, ({ body, end }, view) => decodeSet(view, body, end, TABLE));
  encodeGetCounters(socket.writer, TABLE, socket.nextSequence());
  dump(NFT_MSG.NEWOBJ, ({ body, end }, view) => {
    const counter = decodeCounter(view, body, end, TABLE);
    return counter === null ? null : { kind: 'counter', name: counter.name };
  });
  return { objects, whole };
}

/** No answer is not the answer that there is nothing: whoever believes so would throw away what was recorded. */
function ask(socket: NetlinkSocket, each: EachMessage): void {
  const error = socket.request(each);
  if (error !== 0 && error !== E.NOENT) throw netlinkError('read our nft table', error);
}

function withSocket<T>(work: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    return work(socket);
  } finally {
    socket.close();
  }
}
