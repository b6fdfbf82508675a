/** The connection table read piece by piece: hundreds of thousands of entries, and other work has its turn every other millisecond. */
import { encodeDump, IPCTNL_MSG_CT } from '../wire/netlink/ctnetlink.js';
import { createEntry, decodeEntry, type Entry } from '../wire/netlink/ctnetlink-entry.js';
import { E } from './ffi.js';
import { type EachMessage, NETLINK_NETFILTER, NetlinkSocket, netlinkError } from './netlink-socket.js';

/** How long other work waits at most, about; the kernel fills 32 KiB (some 150 entries) for each read. */
export const SLICE_MS = 1.5;
const RECEIVE_BYTES = 64 * 1024;

/** Lets everything that is ready have its turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Visits every entry of the families; it is reused between calls. Returns early, false, once `isOver` says so. Throws E_NETLINK when
 * the kernel does not tell all.
 */
export async function eachEntryInSlices(
  families: readonly (4 | 6)[],
  visit: (entry: Entry) => void,
  isOver: () => boolean = () => false,
): Promise<boolean> {
  const entry = createEntry();
  return eachMessageInSlices(
    families,
    (message, view) => {
      if (message.type === IPCTNL_MSG_CT.NEW && decodeEntry(entry, view, message.body, message.end))
        visit(entry);
    },
    isOver,
  );
}

/** The same for whoever decodes less of each. */
export async function eachMessageInSlices(
  families: readonly (4 | 6)[],
  visit: EachMessage,
  isOver: () => boolean,
): Promise<boolean> {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { sendBytes: 4096, receiveBytes: RECEIVE_BYTES });
  let failure = 0;
  const onError = (error: number): void => {
    failure ||= error;
  };
  try {
    for (const family of families) {
      encodeDump(socket.writer, family, 0, 0, socket.nextSequence());
      failure ||= socket.flush();
      let sliceEnds = performance.now() + SLICE_MS;
      while (socket.read(onError, visit)) {
        if (performance.now() < sliceEnds) continue;
        await nextTurn();
        if (isOver()) return false;
        sliceEnds = performance.now() + SLICE_MS;
      }
      // A family that the kernel does not track has no entries.
      if (failure !== 0 && failure !== E.NOENT) throw netlinkError('tell all connections', failure);
    }
    return true;
  } finally {
    socket.close();
  }
}
