/** TCP options of a set-up packet: found once while decoding, edited in the copies. */
import type { Packet } from './packet.js';

/** Bits of `Packet.options`. */
export const OPTION = {
  MSS: 1,
  WINDOW_SCALE: 2,
  SACK_PERMITTED: 4,
  TIMESTAMPS: 8,
  FAST_OPEN: 16,
  MPTCP: 32,
  MPTCP_JOIN: 64,
  AUTHENTICATION: 128,
} as const;

const KIND = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  TIMESTAMPS: 8,
  MD5: 19,
  AO: 29,
  MPTCP: 30,
  FAST_OPEN: 34,
  EXPERIMENT: 254,
} as const;

/** The experiment identifier of Fast Open before it had a kind of its own (RFC 7413 section 4.1.1). */
const FAST_OPEN_EXPERIMENT = 0xf989;

/** MPTCP subtype MP_JOIN (RFC 8684 section 3.2). */
const MP_JOIN = 1;

/** Walks the options; sets `options` and `mssAt`. False when a length does not fit. */
export function scanOptions(packet: Packet): boolean {
  packet.options = 0;
  packet.mssAt = 0;
  const { view, payload } = packet;
  let at = packet.transport + 20;
  while (at < payload) {
    const kind = view.getUint8(at);
    if (kind === KIND.END) return true;
    if (kind === KIND.NOP) {
      at++;
      continue;
    }
    if (at + 2 > payload) return false;
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > payload) return false;
    if (!note(packet, kind, length, at)) return false;
    at += length;
  }
  return true;
}

function note(packet: Packet, kind: number, length: number, at: number): boolean {
  switch (kind) {
    case KIND.MSS:
      if (length !== 4) return false;
      packet.options |= OPTION.MSS;
      packet.mssAt = at + 2;
      return true;
    case KIND.WINDOW_SCALE:
      packet.options |= OPTION.WINDOW_SCALE;
      return length === 3;
    case KIND.SACK_PERMITTED:
      packet.options |= OPTION.SACK_PERMITTED;
      return length === 2;
    case KIND.TIMESTAMPS:
      packet.options |= OPTION.TIMESTAMPS;
      return length === 10;
    case KIND.FAST_OPEN:
      packet.options |= OPTION.FAST_OPEN;
      return true;
    case KIND.EXPERIMENT:
      if (length >= 4 && packet.view.getUint16(at + 2) === FAST_OPEN_EXPERIMENT)
        packet.options |= OPTION.FAST_OPEN;
      return true;
    case KIND.MPTCP:
      packet.options |= OPTION.MPTCP;
      if (length >= 3 && packet.view.getUint8(at + 2) >>> 4 === MP_JOIN) packet.options |= OPTION.MPTCP_JOIN;
      return true;
    case KIND.MD5:
    case KIND.AO:
      packet.options |= OPTION.AUTHENTICATION;
      return true;
    default:
      return true;
  }
}

/** The shift of the window scale option (RFC 7323 section 2.2) of a header that `scanOptions` has accepted; -1: it has none. */
export function windowScaleOf({ view, transport, payload }: Packet): number {
  let at = transport + 20;
  while (at < payload) {
    const kind = view.getUint8(at);
    if (kind === KIND.END) return -1;
    if (kind === KIND.WINDOW_SCALE) return Math.min(MAX_SCALE, view.getUint8(at + 2));
    at += kind === KIND.NOP ? 1 : view.getUint8(at + 1);
  }
  return -1;
}

/** > If a Window Scale option is received with a shift.cnt value larger than 14, the TCP SHOULD log the error but MUST use 14 */
const MAX_SCALE = 14;

/**
 * Edits the options of a TCP header that `scanOptions` has accepted, in place: the MSS is lowered to `mss`
 * (never raised), Fast Open becomes padding, since its cookie belongs to one source address and its data must not
 * run at the server once per route (RFC 7413 sections 4.1.2 and 6.1). `isPlain`: so do those whose answers differ from one connection of
 * a server to the next, timestamps (RFC 7323 section 5.4) and MPTCP's keys (RFC 8684 section 3.1).
 */
export function editOptions(view: DataView, start: number, end: number, mss: number, isPlain: boolean): void {
  let at = start;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === KIND.END) return;
    if (kind === KIND.NOP) {
      at++;
      continue;
    }
    const length = view.getUint8(at + 1);
    if (kind === KIND.MSS && view.getUint16(at + 2) > mss) view.setUint16(at + 2, mss);
    const isLeftOut =
      kind === KIND.FAST_OPEN ||
      (kind === KIND.EXPERIMENT && length >= 4 && view.getUint16(at + 2) === FAST_OPEN_EXPERIMENT) ||
      (isPlain && (kind === KIND.TIMESTAMPS || kind === KIND.MPTCP));
    if (isLeftOut) for (let i = 0; i < length; i++) view.setUint8(at + i, KIND.NOP);
    at += length;
  }
}
