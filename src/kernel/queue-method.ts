/** How packets get into a queue on this kernel: nft's own statement, or the target of iptables in our table. */
import { encodeQueueRule, encodeQueueTrial } from '../wire/netlink/nftables.js';
import { TABLE } from './constants.js';
import type { QueueMethod } from './desired.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';
import { readRuleComments } from './nft-read.js';
import { takes } from './takes-rule.js';

/**
 * Which way it is. Nothing is changed to find out, but the kernel loads its modules, the target's among them: whether it has that,
 * the rule itself will tell.
 */
export async function detectQueueMethod(): Promise<QueueMethod> {
  if (await takes({ rule: 'queue flags bypass to 1' })) return 'nft';
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    encodeQueueTrial(socket.writer, socket.nextSequence());
    socket.request();
  } finally {
    socket.close();
  }
  return 'xt';
}

/** Fills a queue chain on kernels without nft's queue statement; a filled one is left alone. */
export function appendQueueRule(chain: string, queue: number): void {
  if (readRuleComments(chain).length > 0) return;
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    encodeQueueRule(socket.writer, TABLE, chain, queue, socket.nextSequence());
    const error = socket.request();
    if (error !== 0)
      throw netlinkError(`add the queue rule for queue ${queue} (CONFIG_NETFILTER_XT_TARGET_NFQUEUE)`, error);
  } finally {
    socket.close();
  }
}
