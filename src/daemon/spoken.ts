/** What a datagram says, as far as its service and its port tell. Pure. */
import { makesCopies, type ServiceConfig, type Spoken } from '../model/config.js';
import { PROTOCOL } from '../wire/packet.js';

export interface Said {
  /** null: nothing that anybody knows. */
  readonly speaks: Spoken | null;
  /** It is raced, so that the kernel asks about each. */
  readonly isAsked: boolean;
  /** Each stands for itself: it belongs to no group. */
  readonly isQuestion: boolean;
}

/** `protocol`: the number of IP. */
export function saidBy({ speaks, select }: ServiceConfig, protocol: number, port: number): Said {
  const said = protocol === PROTOCOL.UDP ? (speaks ?? PORTS[port] ?? null) : null;
  const isAsked = said !== null && makesCopies(select.criterion);
  return { speaks: said, isAsked, isQuestion: isAsked && QUESTIONS.includes(said) };
}

const QUESTIONS: readonly Spoken[] = ['dns', 'ntp'];

const PORTS: Readonly<Record<number, Spoken | undefined>> = {
  53: 'dns',
  123: 'ntp',
  443: 'quic',
  3478: 'stun',
  5060: 'sip',
};
