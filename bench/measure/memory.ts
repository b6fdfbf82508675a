/** What the daemon and its tables take. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';
import { SetupStore } from '../../src/core/packets/setup-store.js';
import { DeadlineHeap } from '../../src/core/race/heap.js';
import { RaceTable } from '../../src/core/race/table.js';
import { residentBytes } from '../process-time.js';

/** Resident bytes of a gateway at rest with the default limits: what its start used V8 gives back within ten seconds. */
export async function measureResident(lab: Lab): Promise<number> {
  const config = lab.configYaml({ log: { level: 'warn' } });
  const task = lab.gateway.spawn(['./bin/pathrace', 'gateway', '--config', config]);
  await task.waitForLine(/^ready/);
  await sleep(12_000);
  const resident = residentBytes(task.pid);
  await task.stop();
  return resident;
}

/** Bytes of table memory per race with three routes: columns and indexes, kept set-ups, deadlines. */
export function measureRaceBytes(): number {
  const slots = 16_384;
  const tables = [new RaceTable(slots, 3, 1), new SetupStore(slots), new DeadlineHeap(slots)];
  const buffers = new Set<ArrayBufferLike>();
  for (const table of tables) collectBuffers(table, buffers);
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0) / slots;
}

/** The buffers of an object's typed arrays, and of the objects in it. */
function collectBuffers(value: object, buffers: Set<ArrayBufferLike>): void {
  for (const field of Object.values(value)) {
    if (ArrayBuffer.isView(field)) buffers.add(field.buffer);
    else if (typeof field === 'object' && field !== null) collectBuffers(field, buffers);
  }
}
