/** Hears of changes to the tables of others: what nf_tables tells of each commit (NFNLGRP_NFTABLES). */

import { isOfOtherTable } from '../../wire/netlink/nftables-events.js';
import { TABLE } from '../constants.js';
import { type Watch, watchReadable } from '../ffi.js';
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink-socket.js';

const NFNLGRP_NFTABLES = 7;

export function watchTables(changed: () => void): { close(): void } {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { groups: [NFNLGRP_NFTABLES] });
  // A burst that does not fit loses messages: whoever listens looks again now and then.
  socket.setReceiveBuffer(1024 * 1024);
  const watch: Watch = watchReadable(socket.fd, () => {
    let others = false;
    while (
      socket.read(
        () => {},
        ({ type, body, end }, view) => {
          others ||= isOfOtherTable(type, view, body, end, TABLE);
        },
      )
    ) {
      // Until nothing is left.
    }
    if (others) changed();
  });
  return {
    close(): void {
      watch.close();
      socket.close();
    },
  };
}
