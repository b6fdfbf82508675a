/** Whose ports count as used, who uses them, and which are freed where the kernel does not do it. */
import { describe, expect, it } from 'vitest';
import { createListedFlow, type FlowList } from '../../src/kernel/flow-list.js';
import { marksOf, routeMark } from '../../src/kernel/marks.js';
import { RECLAIM, readPortUse, resting, reusesPorts, serverOf } from '../../src/kernel/port-use.js';
import { parseAddress } from '../../src/model/address.js';
import { DEFAULT_MARK_MASK } from '../../src/model/mark-mask.js';
import { TCP_CONNTRACK } from '../../src/wire/netlink/ctnetlink.js';
import { createEntry, type Entry } from '../../src/wire/netlink/ctnetlink-entry.js';

const marks = marksOf(DEFAULT_MARK_MASK);
const QUESTION = { marks, tcpPorts: { from: 1024, to: 1123 }, alarm: 0.5 };
const { ESTABLISHED, TIME_WAIT, CLOSE, LAST_ACK } = TCP_CONNTRACK;

function entry(port: number, tcpState: number, changes: Partial<Entry> = {}): Entry {
  return {
    ...createEntry(),
    protocol: 6,
    client: parseAddress('10.0.0.2')!,
    clientPort: port,
    destination: parseAddress('198.51.100.1')!,
    destinationPort: 443,
    source: parseAddress('203.0.1.2')!,
    sourcePort: port,
    mark: routeMark(marks, 1) | marks.chosen,
    tcpState,
    original: Uint8Array.of(port & 255),
    ...changes,
  };
}

const all =
  (entries: readonly Entry[]) =>
  async (visit: (entry: Entry) => void): Promise<void> =>
    entries.forEach(visit);

/** The clients' ports of flows in a list. */
function taken(list: FlowList): number[] {
  const ports: number[] = [];
  const flow = createListedFlow();
  while (list.take(flow)) ports.push(flow.clientPort);
  return ports;
}

const many = (count: number, tcpState: number, from = 1024): Entry[] =>
  Array.from({ length: count }, (_, i) => entry(from + i, tcpState, { timeoutSeconds: 240 - i }));

describe('the use of ports', () => {
  it('is that of flows that live; what is over is held only', async () => {
    const entries = [
      ...many(40, ESTABLISHED),
      ...many(10, LAST_ACK, 1064),
      ...many(30, TIME_WAIT, 1074),
      ...many(5, CLOSE, 1104),
    ];
    const [use] = await readPortUse(all(entries), QUESTION);
    expect(use).toMatchObject({ route: 1, share: 0.5, held: 0.85 });
    expect(serverOf(use)).toBe('198.51.100.1:443');
  });

  it('names who has most, from the alarm on', async () => {
    const others = [3, 4, 5]
      .flatMap((host) =>
        Array.from({ length: host }, (_, i) =>
          entry(1100 + host * 5 + i, ESTABLISHED, { client: parseAddress(`10.0.0.${host}`)! }),
        ),
      )
      .filter(({ sourcePort }) => sourcePort <= 1123);
    expect((await readPortUse(all(others), QUESTION))[0].users).toEqual([]);
    const [use] = await readPortUse(all([...many(60, ESTABLISHED), ...others]), QUESTION);
    expect(use.users.slice(0, 2)).toEqual([
      { client: '10.0.0.2', count: 60 },
      { client: '10.0.0.4', count: 4 },
    ]);
    expect(use.users).toHaveLength(3);
  });

  it('leaves out other ports, flows without a route, and what keeps its source', async () => {
    const none = [
      entry(2000, ESTABLISHED),
      entry(1024, ESTABLISHED, { mark: 0 }),
      entry(1025, ESTABLISHED, { source: parseAddress('10.0.0.2')! }),
      entry(1026, ESTABLISHED, { protocol: 1 }),
    ];
    expect(await readPortUse(all(none), QUESTION)).toEqual([]);
  });
});

describe('ports that are freed', () => {
  it('are of flows that are over and rest longest, until as many are free as shall be', async () => {
    const entries = [...many(30, ESTABLISHED), ...many(50, TIME_WAIT, 1054)];
    const freed = await resting(all(entries), QUESTION);
    expect(freed).toHaveLength(80 - RECLAIM.to * 100);
    // The last of them have the least time left.
    const ports = taken(freed).sort((a, b) => a - b);
    expect(ports).toEqual(entries.slice(-30).map(({ clientPort }) => clientPort));
  });

  it('are no more than needed where many rest as long', async () => {
    const entries = many(80, TIME_WAIT).map((one) => ({ ...one, timeoutSeconds: 60 }));
    expect(await resting(all(entries), QUESTION)).toHaveLength(30);
  });

  it('are none while there are enough, and never a living flow’s', async () => {
    const enough = [...many(30, ESTABLISHED), ...many(44, TIME_WAIT, 1054)];
    expect(await resting(all(enough), QUESTION)).toHaveLength(0);
    expect(await resting(all(many(95, ESTABLISHED)), QUESTION)).toHaveLength(0);
  });

  it('are the kernel’s own business from Linux 6.6 on', () => {
    expect(
      ['5.15.0-91-generic', '6.1.0-31-amd64', '6.6.0', '6.18.1'].map((kernel) => reusesPorts(kernel)),
    ).toEqual([false, false, true, true]);
  });
});
