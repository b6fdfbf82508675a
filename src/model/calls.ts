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

/** A port whose signalling is read. */
export interface ReadPort extends SignalPort {
  readonly kind: CallKind;
}

/** Ports that one service names as those of SIP: more are not read. */
export const MOST_NAMED_PORTS = 64;

/** What names further ports: `speaks` says what is behind those of `match`. */
interface Naming {
  readonly speaks: string | null;
  readonly match: { readonly [T in SignalPort['transport']]: readonly { from: number; to: number }[] | null };
}

/** The usual ports of what is followed, and those that services say to be SIP's; each once. */
export function readPorts(followed: readonly Followed[], services: readonly Naming[]): ReadPort[] {
  const usual = CALL_KINDS.filter((kind) => followed.includes(kind)).flatMap((kind) =>
    SIGNAL_PORTS[kind].map((one): ReadPort => ({ kind, ...one })),
  );
  const speaking = followed.includes('sip') ? services.filter(({ speaks }) => speaks === 'sip') : [];
  const named = speaking.flatMap(({ match }) =>
    (['udp', 'tcp'] as const).flatMap((transport) =>
      portsIn(match[transport] ?? []).map((port): ReadPort => ({ kind: 'sip', transport, port })),
    ),
  );
  const isSame = (one: ReadPort, other: ReadPort): boolean =>
    one.transport === other.transport && one.port === other.port;
  const all = [...usual, ...named];
  return all.filter((one, index) => all.findIndex((other) => isSame(one, other)) === index);
}

/** The first ones: who means all ports means no port. */
function portsIn(ranges: readonly { from: number; to: number }[]): number[] {
  const ports: number[] = [];
  for (const { from, to } of ranges)
    for (let port = from; port <= to && ports.length < MOST_NAMED_PORTS; port++) ports.push(port);
  return ports;
}

/** Calls of one kind since start. */
export interface CallCounts {
  readonly started: number;
  readonly ended: number;
  readonly active: number;
}
