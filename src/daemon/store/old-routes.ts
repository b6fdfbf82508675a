/**
 * Commands and quotas of a store file that had them (version 1), for the state file, which there was not then. Also of a file that the
 * memory cannot use, since it holds more than `memory.size` allows.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { LedgerRecord } from '../../core/quota/ledger.js';
import type { OldRoute } from '../books.js';
import { localTime } from '../local-time.js';
import { MAX_JSON_BYTES } from './content.js';
import { jsonOf } from './format.js';

/** Of no file, and of none that is ours: nothing. */
export async function readOldRoutes(path: string): Promise<readonly OldRoute[]> {
  const json = jsonOf(await readStart(path));
  if (json === null) return [];
  const savedOn = localTime().dayOf(json.savedAtMs);
  return json.routes.flatMap(({ name, admin, quota }): OldRoute[] => {
    if (admin === undefined || quota === undefined) return [];
    // It was counted from the first of the month; the latest day of it is one that no billing day leaves out.
    const day = savedOn.startsWith(quota.month) ? savedOn : `${quota.month}-01`;
    const days = { [day]: Math.round(quota.bytes) };
    const ledger: LedgerRecord = { days, undated: 0, today: day, latest: day, left: null };
    return [{ name, admin, ledger }];
  });
}

async function readStart(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return new Uint8Array(0);
  try {
    const start = new Uint8Array(MAX_JSON_BYTES + 4096);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } catch {
    return new Uint8Array(0);
  } finally {
    await file.close();
  }
}
