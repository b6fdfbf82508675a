/** Single elements of our sets and maps, for people who ask: what the kernel itself would find there now. */
import {
  createTarget,
  decodeElement,
  type ElementKey,
  encodeGet,
  type FoundElement,
} from '../wire/netlink/nft-elements.js';
import { NFT_MSG } from '../wire/netlink/nftables.js';
import { TABLE } from './constants.js';
import { E } from './ffi.js';
import { NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';

export type { FoundElement };

/** null: it is not there, nor is a set or map that is not there. */
export function lookUpElement(name: string, { bytes, length }: ElementKey): FoundElement | null {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    let found: FoundElement | null = null;
    encodeGet(socket.writer, createTarget(TABLE, name), { bytes, at: 0, length }, socket.nextSequence());
    const error = socket.request((message, view) => {
      if (message.type === NFT_MSG.NEWSETELEM) found = decodeElement(view, message.body, message.end);
    });
    if (error !== 0 && error !== E.NOENT) throw netlinkError('look up an element of our nft table', error);
    return found;
  } finally {
    socket.close();
  }
}
