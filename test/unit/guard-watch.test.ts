import { describe, expect, it } from 'vitest';
import { GUARD_ALARM_MS, GuardWatch } from '../../src/daemon/guard-watch.js';
import { createLog } from '../../src/observe/log.js';

const MINUTE = 60_000;
const ROUTES = [1, 2].map((number) => ({ number, config: { interface: `wan${number}` } }));

class Watched {
  readonly lines: { event: string; reason: string; interface: string; packets: number }[] = [];
  readonly watch = new GuardWatch(
    createLog({ level: 'info', readable: false, write: (line) => void this.lines.push(JSON.parse(line)) }),
    () => ROUTES,
  );

  note(counters: Record<string, number>, nowMs: number): string[] {
    this.watch.note(new Map(Object.entries(counters)), nowMs);
    return this.watch.alarms(nowMs);
  }
}

describe('what the guard has dropped', () => {
  it('is an alarm for some minutes after the last packet, with its number and interface', () => {
    const w = new Watched();
    expect(w.note({ guarded_source_2: 0 }, 0)).toEqual([]);
    expect(w.note({ guarded_source_2: 3 }, MINUTE)).toEqual([expect.stringMatching(/^3 packets .* wan2 /)]);
    expect(w.note({ guarded_source_2: 5 }, 2 * MINUTE)).toEqual([
      expect.stringMatching(/^5 packets .* wan2 /),
    ]);
    const last = 2 * MINUTE + GUARD_ALARM_MS;
    expect(w.note({ guarded_source_2: 5 }, last - 1)).toHaveLength(1);
    expect(w.note({ guarded_source_2: 5 }, last)).toEqual([]);
    expect(w.note({ guarded_source_2: 6 }, last + 1)).toEqual([expect.stringMatching(/^1 packets .* wan2 /)]);
  });

  it('is not what a daemon before has counted', () => {
    const w = new Watched();
    expect(w.note({ guarded_way_1: 7 }, 0)).toEqual([]);
    expect(w.note({ guarded_way_1: 8 }, 1000)).toEqual([expect.stringMatching(/^1 packets .* wan1 /)]);
  });

  it('counts on when the table is a new one', () => {
    const w = new Watched();
    w.note({ guarded_way_1: 0 }, 0);
    w.note({ guarded_way_1: 10 }, 1000);
    expect(w.note({ guarded_way_1: 2 }, 2000)).toEqual([expect.stringMatching(/^12 packets /)]);
  });

  it('is told at once, and then once a minute with all that came since', () => {
    const w = new Watched();
    w.note({}, 0);
    for (let second = 1; second <= 150; second++) w.note({ guarded_way_1: second }, second * 1000);
    expect(w.lines.map(({ event, reason, packets }) => [event, reason, packets])).toEqual([
      ['guarded', 'way', 1],
      ['guarded', 'way', 60],
      ['guarded', 'way', 60],
    ]);
    expect(w.lines[0]).toMatchObject({ interface: 'wan1' });
    // The rest when its time has come.
    w.note({ guarded_way_1: 150 }, 200_000);
    expect(w.lines.at(-1)).toMatchObject({ packets: 29 });
  });
});
