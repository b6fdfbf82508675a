/** Copies of packets that rules have logged (include/uapi/linux/netfilter/nfnetlink_log.h): nobody waits for who reads them. */
import {
  type AttributeView,
  beginNfMessageTo,
  createAttributeView,
  endMessage,
  NFGENMSG_LEN,
  NLM_F,
  putBytes,
  readAttribute,
  type Writer,
} from './message.js';

const NFNL_SUBSYS_ULOG = 4 << 8;

/** Message types (enum nfulnl_msg_types). */
export const NFULNL_MSG = { PACKET: NFNL_SUBSYS_ULOG | 0, CONFIG: NFNL_SUBSYS_ULOG | 1 } as const;

/** Attributes of a packet (enum nfulnl_attr_type) and of a configuration (enum nfulnl_attr_config). */
const NFULA = { TIMESTAMP: 3, PAYLOAD: 9 } as const;
const NFULA_CFG = { CMD: 1, MODE: 2 } as const;
const NFULNL_CFG_CMD_BIND = 1;
const NFULNL_COPY_PACKET = 2;

/** One logged packet; reused. Offsets are into the receive buffer. */
export interface LoggedPacket {
  /** Microseconds of the wall clock when it passed the rule; -1: this kernel does not say. */
  at: number;
  payload: number;
  payloadLength: number;
}

export function createLoggedPacket(): LoggedPacket {
  return { at: -1, payload: 0, payloadLength: 0 };
}

const attribute: AttributeView = createAttributeView();

/** Decodes the body of a NFULNL_MSG.PACKET; false when it carries nothing of the packet. */
export function decodeLogged(out: LoggedPacket, view: DataView, body: number, end: number): boolean {
  out.at = -1;
  out.payload = 0;
  out.payloadLength = 0;
  let next = readAttribute(attribute, view, body + NFGENMSG_LEN, end);
  while (next !== -1) {
    if (attribute.type === NFULA.TIMESTAMP && attribute.length >= 16) {
      const seconds = Number(view.getBigUint64(attribute.value));
      out.at = seconds * 1e6 + Number(view.getBigUint64(attribute.value + 8));
    } else if (attribute.type === NFULA.PAYLOAD) {
      out.payload = attribute.value;
      out.payloadLength = attribute.length;
    }
    next = readAttribute(attribute, view, next, end);
  }
  return out.payloadLength > 0;
}

/** Writes the request that binds the socket to a group, with an acknowledgement. */
export function encodeBindLog(w: Writer, group: number, sequence: number): void {
  beginNfMessageTo(w, NFULNL_MSG.CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, group);
  putBytes(w, NFULA_CFG.CMD, [NFULNL_CFG_CMD_BIND]);
  endMessage(w);
}

/** Writes how many bytes of a packet are wanted, with an acknowledgement. */
export function encodeLogRange(w: Writer, group: number, sequence: number, range: number): void {
  beginNfMessageTo(w, NFULNL_MSG.CONFIG, NLM_F.REQUEST | NLM_F.ACK, sequence, group);
  const bytes = [range >>> 24, (range >>> 16) & 255, (range >>> 8) & 255, range & 255];
  putBytes(w, NFULA_CFG.MODE, [...bytes, NFULNL_COPY_PACKET, 0]);
  endMessage(w);
}
