/** What the daemon and its tables take. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { DeadlineHeap } from '../../src/core/race/heap.js';
import { RaceTable } from '../../src/core/race/table.js';
import { residentBytes } from '../process-time.js';

/** Resident bytes of a gateway with the default limits, some seconds after its start. */
export async function measureResident(lab: Lab): Promise<number> {
  const config = lab.configYaml({ log: { level: 'warn' } });
  const task = lab.gateway.spawn(['./bin/pathrace', 'gateway', '--config', config]);
  await task.waitForLine(/^ready/);
  await sleep(3000);
  const resident = residentBytes(task.pid);
  await task.stop();
  return resident;
}

/** Bytes of table memory per race with three routes. */
export function measureRaceBytes(): number {
  const slots = 16_384;
  const bytesOf = (value: object): number =>
    Object.values(value).reduce(
      (sum: number, field) => sum + (ArrayBuffer.isView(field) ? field.byteLength : 0),
      0,
    );
  return (bytesOf(new RaceTable(slots, 3, 1)) + bytesOf(new DeadlineHeap(slots))) / slots;
}
