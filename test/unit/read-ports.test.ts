/** Ports whose signalling is read. */
import { describe, expect, it } from 'vitest';
import { MOST_NAMED_PORTS, readPorts } from '../../src/model/calls.js';

const at = (from: number, to = from) => ({ from, to });
const service = (
  speaks: string | null,
  udp: { from: number; to: number }[] | null,
  tcp = null as typeof udp,
) => ({
  speaks,
  match: { udp, tcp },
});
const names = (...args: Parameters<typeof readPorts>): string[] =>
  readPorts(...args).map(({ kind, transport, port }) => `${kind} ${transport} ${port}`);

describe('ports', () => {
  it('are the usual ones of what is followed', () => {
    expect(names(['sip', 'ftp'], [])).toEqual(['sip udp 5060', 'sip tcp 5060']);
    expect(names(['rtsp'], [service('sip', [at(5080)])])).toEqual(['rtsp tcp 554', 'rtsp tcp 8554']);
    expect(names([], [])).toEqual([]);
  });

  it('and those that services name as SIP’s, each once', () => {
    const services = [
      service('sip', [at(5060), at(5080, 5081)], [at(5090)]),
      service('stun', [at(3479)]),
      service('sip', [at(5081)]),
      service('sip', null),
    ];
    expect(names(['sip'], services).slice(2)).toEqual(['sip udp 5080', 'sip udp 5081', 'sip tcp 5090']);
  });

  it('of a service no more than some', () => {
    expect(names(['sip'], [service('sip', [at(1, 65_535)])])).toHaveLength(2 + MOST_NAMED_PORTS);
  });
});
