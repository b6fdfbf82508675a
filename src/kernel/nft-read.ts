/** Reads small parts of our table, whatever else is in it and however often it changes meanwhile. */
import {
  decodeCounter,
  decodeRuleComment,
  encodeGetCounters,
  encodeGetRules,
  NFT_MSG,
} from '../wire/netlink/nftables.js';
import { TABLE } from './constants.js';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.js';

/** The comments of the rules of a chain, in their order, '' for a rule without; empty when there is no such chain. */
export function readRuleComments(chain: string): string[] {
  return withSocket((socket) => {
    const comments: string[] = [];
    encodeGetRules(socket.writer, TABLE, chain, socket.nextSequence());
    socket.request((message, view) => {
      if (message.type !== NFT_MSG.NEWRULE) return;
      comments.push(decodeRuleComment(view, message.body, message.end));
    });
    return comments;
  });
}

/** Packets per named counter. */
export function readCounters(): Map<string, number> {
  return withSocket((socket) => {
    const counters = new Map<string, number>();
    encodeGetCounters(socket.writer, TABLE, socket.nextSequence());
    socket.request((message, view) => {
      if (message.type !== NFT_MSG.NEWOBJ) return;
      const counter = decodeCounter(view, message.body, message.end, TABLE);
      if (counter !== null) counters.set(counter.name, counter.packets);
    });
    return counters;
  });
}

function withSocket<T>(work: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    return work(socket);
  } finally {
    socket.close();
  }
}
