import { describe, expect, it } from 'vitest';
import { parseTraffic, readTraffic, TrafficMeter } from '../../src/kernel/traffic.js';

const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
wan1:0:9007199254740991 2 0 0 0 0 0 0 7 1 0 0 0 0 0 0
  wan2:5000000000 1 2 3 4 5 6 7 8000000000 1 2 3 4 5 6 7
  short: 1 2 3
  bad: one 2 3 4 5 6 7 8 9

`;

describe('traffic', () => {
  it('is read from the kernel’s table, whatever the names', () => {
    expect([...parseTraffic(DEV)]).toEqual([
      ['lo', { received: 1000, sent: 1000 }],
      ['wan1:0', { received: Number.MAX_SAFE_INTEGER, sent: 7 }],
      ['wan2', { received: 5_000_000_000, sent: 8_000_000_000 }],
    ]);
    expect(parseTraffic('').size).toBe(0);
  });

  it('is there for the own namespace', () => {
    expect(readTraffic().has('lo')).toBe(true);
  });

  it('makes rates of the time between two readings', () => {
    const meter = new TrafficMeter();
    expect(meter.update(new Map([['a', { received: 1000, sent: 0 }]]), 0).size).toBe(0);
    const rates = meter.update(
      new Map([
        ['a', { received: 126_000, sent: 500 }],
        ['b', { received: 9, sent: 9 }],
      ]),
      500_000,
    );
    expect([...rates]).toEqual([['a', { in: 2_000_000, out: 8000 }]]);
    expect(meter.rates).toBe(rates);
  });

  it('begins from zero when an interface was made anew, and forgets it when it is gone', () => {
    const meter = new TrafficMeter();
    meter.update(new Map([['a', { received: 1_000_000, sent: 1_000_000 }]]), 0);
    const rates = meter.update(new Map([['a', { received: 125, sent: 2_000_000 }]]), 1_000_000);
    expect(rates.get('a')).toEqual({ in: 1000, out: 16_000_000 });
    expect(meter.update(new Map(), 2_000_000).size).toBe(0);
    expect(meter.update(new Map([['a', { received: 5, sent: 5 }]]), 3_000_000).size).toBe(0);
  });

  it('is not upset by readings at the same time', () => {
    const meter = new TrafficMeter();
    meter.update(new Map([['a', { received: 0, sent: 0 }]]), 0);
    meter.update(new Map([['a', { received: 125, sent: 0 }]]), 1_000_000);
    expect(meter.update(new Map([['a', { received: 999, sent: 0 }]]), 1_000_500).get('a')?.in).toBe(1000);
    expect(meter.update(new Map([['a', { received: 250, sent: 0 }]]), 2_000_000).get('a')?.in).toBe(1000);
  });
});
