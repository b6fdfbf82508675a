/** An entry of the connection table that is filled again for every flow. */
import { createBoundFlow } from '../core/packets/bound-flow.js';
import type { FlowEntry } from '../wire/netlink/ctnetlink.js';

/** One whose ends are of its own, and that has nothing besides. */
export function createFlowEntry(): FlowEntry {
  return { ...createBoundFlow(), mark: 0, additions: null, isAnew: false, shift: 0 };
}
