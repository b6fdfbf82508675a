import { describe, expect, it } from 'vitest';
import { type FlowCount, SILENT_MS, type Stall, Stalls } from '../../src/core/path/stalls.js';
import { parseAddress } from '../../src/model/address.js';

interface Shape {
  readonly key?: number;
  readonly sent?: readonly [packets: number, bytes: number];
  readonly received?: readonly [packets: number, bytes: number];
  readonly server?: string;
}

const said = ([packets, bytes]: readonly [number, number]): { packets: number; bytes: number } => ({
  packets,
  bytes,
});

/** A connection that has sent a request and has the handshake's answer and an acknowledgement. */
function flow({
  key = 1,
  sent = [3, 300],
  received = [2, 112],
  server = '198.51.100.7',
}: Shape = {}): FlowCount {
  return {
    key,
    route: 2,
    family: server.includes(':') ? 6 : 4,
    client: parseAddress('10.0.0.2')!,
    server: parseAddress(server)!,
    sent: said(sent),
    received: said(received),
  };
}

function look(stalls: Stalls, flows: readonly FlowCount[], nowMs: number): Stall[] {
  return stalls.look((visit) => flows.forEach(visit), nowMs);
}

describe('connections that hang', () => {
  it('are told once, after they have been silent for a while', () => {
    const stalls = new Stalls();
    expect(look(stalls, [flow()], 0)).toEqual([]);
    expect(look(stalls, [flow()], SILENT_MS - 1)).toEqual([]);
    const server = { address: '198.51.100.7', network: '198.51.100.0/24', client: '10.0.0.2' };
    expect(look(stalls, [flow()], SILENT_MS)).toEqual([{ route: 2, family: 4, server }]);
    expect(look(stalls, [flow()], 9 * SILENT_MS)).toEqual([]);
  });

  it('are told by the network of IPv6', () => {
    const stalls = new Stalls();
    const shape = { server: '2001:db8:1:2::3', sent: [2, 300] } as const;
    look(stalls, [flow(shape)], 0);
    expect(look(stalls, [flow(shape)], SILENT_MS)).toMatchObject([
      { family: 6, server: { network: '2001:db8:1::/48' } },
    ]);
  });

  it.each<[string, Shape, Shape]>([
    ['a handshake without a question', { sent: [2, 112] }, { sent: [2, 112] }],
    ['something has come back meanwhile', {}, { received: [3, 164] }],
    ['full segments have come', { received: [4, 4000] }, { received: [4, 4000] }],
    ['it has spoken for long', { received: [31, 1800] }, { received: [31, 1800] }],
    ['nobody has answered', { received: [0, 0] }, { received: [0, 0] }],
  ])('not where %s', (_, before, after) => {
    const stalls = new Stalls();
    look(stalls, [flow(before)], 0);
    expect(look(stalls, [flow(after)], SILENT_MS)).toEqual([]);
  });

  it('uploads are, whose client repeats what is too large', () => {
    const stalls = new Stalls();
    look(stalls, [flow({ sent: [12, 15_000] })], 0);
    expect(look(stalls, [flow({ sent: [14, 18_000] })], SILENT_MS)).toHaveLength(1);
  });

  it('full segments behind small packets are told as such', () => {
    const stalls = new Stalls();
    look(stalls, [flow()], 0);
    expect(look(stalls, [flow({ received: [40, 50_000] })], 1000)).toEqual([
      { route: 2, family: 4, server: null },
    ]);
  });

  it('no more than 4096 are followed, whatever there is', () => {
    const stalls = new Stalls();
    const flows = Array.from({ length: 20_000 }, (_, key) => flow({ key }));
    look(stalls, flows, 0);
    expect(look(stalls, flows, SILENT_MS)).toHaveLength(4096);
  });
});
