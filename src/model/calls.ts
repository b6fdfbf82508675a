/** Calls and streams whose signalling is read, and what is followed besides. */

/** Protocols whose calls are counted. */
export const CALL_KINDS = ['sip', 'h323', 'rtsp'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** Those that helpers of the kernel follow. */
export const HELPED = ['ftp', 'tftp'] as const;
/** What `follow` can name. */
export const FOLLOWED = [...CALL_KINDS, ...HELPED] as const;
export type Followed = (typeof FOLLOWED)[number];

export function isHelped(one: Followed): one is (typeof HELPED)[number] {
  return one === 'ftp' || one === 'tftp';
}

/** A usual port of a protocol's servers. */
export interface SignalPort {
  readonly transport: 'tcp' | 'udp';
  readonly port: number;
}

/** The usual ports. */
export const SIGNAL_PORTS: Readonly<Record<Followed, readonly SignalPort[]>> = {
  sip: [
    { transport: 'udp', port: 5060 },
    { transport: 'tcp', port: 5060 },
  ],
  h323: [
    { transport: 'tcp', port: 1720 },
    { transport: 'udp', port: 1719 },
  ],
  rtsp: [
    { transport: 'tcp', port: 554 },
    { transport: 'tcp', port: 8554 },
  ],
  ftp: [{ transport: 'tcp', port: 21 }],
  tftp: [{ transport: 'udp', port: 69 }],
};

/** Calls of one kind since start. */
export interface CallCounts {
  readonly started: number;
  readonly ended: number;
  readonly active: number;
}
