/** The gateway's view of living flows: opened with the kernel's table, closed when what was to be cut is cut. */
import type { Boundary } from '../kernel/boundary.js';
import { Flows } from '../kernel/flows.js';
import type { Marks } from '../kernel/marks.js';
import type { Log } from '../observe/log.js';
import type { Alignment } from './alignment.js';
import type { Complaints } from './complaints.js';

export function openFlows(
  marks: Marks,
  { hasIpv6, fastPath }: Pick<Alignment, 'hasIpv6' | 'fastPath'>,
  boundary: Boundary,
  complaints: Complaints,
): Flows {
  return new Flows({ marks, hasIpv6, fastPath, boundary, ...complaints.about('cut') });
}

/** A gateway that is made to end cuts what it has begun to cut, as far as a few seconds reach. */
export async function closeFlows(flows: Flows | null, log: Log): Promise<void> {
  const left = (await flows?.close()) ?? 0;
  if (left > 0)
    log.warn({ event: 'flows-left', count: left }, `${left} flows that were to be cut are left as they are`);
}
