/** The gateway's own report, asked as any other tool would. */

import type { Lab } from '../lab/index.js';
import type { Status } from '../src/api/contract.js';

export async function readStatus(lab: Lab): Promise<Status> {
  return JSON.parse(
    await lab.gateway.must(['./bin/pathrace', 'status', '--control', lab.controlSocket, '--json']),
  ) as Status;
}
