/**
 * Who writes what the sets and maps of our table hold. Each has one owner: nobody else adds, replaces or removes its elements, so
 * what the owner believes to be in it is in it, until the element times out or the table is removed by somebody else.
 */
import type { KernelPart } from './race-messages.js';

export interface Ownership {
  /** The file below src whose code writes the elements; null: only packets do, by the rules. */
  readonly file: string | null;
  /** Packets add and renew elements besides, by the rules: the owner cannot know all of them, and never has to. */
  readonly byPackets: boolean;
  /** What it is emptied together with; null: its elements outlive everything but their time-outs. */
  readonly part: KernelPart | null;
}

/** By what the name begins with, before its family: `memory4_e` is a `memory`. */
export const OWNERS = {
  alive: { file: 'kernel/heartbeat.ts', byPackets: false, part: null },
  open: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'open' },
  memory: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'memory' },
  affinity: { file: 'kernel/kernel-memory.ts', byPackets: true, part: 'groups' },
  /** Part of what makes a group. */
  site: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  sitefor: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  domain: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'domains' },
  asked: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'domains' },
  follow: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  control: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  caller: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  quiet: { file: 'kernel/kernel-memory.ts', byPackets: false, part: 'groups' },
  full: { file: 'daemon/port-watch.ts', byPackets: false, part: null },
  reset: { file: 'kernel/flow-cutter.ts', byPackets: false, part: null },
  /** The shares of hosts in the groups of a service. */
  host: { file: null, byPackets: true, part: null },
  flood: { file: null, byPackets: true, part: null },
  racing: { file: null, byPackets: true, part: null },
  rescued: { file: null, byPackets: true, part: null },
  copies: { file: null, byPackets: true, part: null },
  sent: { file: null, byPackets: true, part: null },
  tunnel: { file: 'kernel/tunnels.ts', byPackets: true, part: null },
  opened: { file: null, byPackets: true, part: null },
  young: { file: null, byPackets: true, part: null },
} as const satisfies Record<string, Ownership>;

export type OwnedKind = keyof typeof OWNERS;

const KERNEL_MEMORY = OWNERS.open.file;

/** What kind of set or map a name is of; null: of none that we have. */
export function kindOfMap(name: string): OwnedKind | null {
  const kind = /^[a-z]+/.exec(name)?.[0] ?? '';
  return Object.hasOwn(OWNERS, kind) ? (kind as OwnedKind) : null;
}

/** What a set or map is emptied together with; null: it is not emptied. */
export function partOf(name: string): KernelPart | null {
  const kind = kindOfMap(name);
  return kind === null ? null : OWNERS[kind].part;
}

/** Of these sets and maps those that the race thread writes (kernel-memory.ts). */
export function ofRaceThread(names: readonly string[]): string[] {
  return names.filter((name) => {
    const kind = kindOfMap(name);
    return kind !== null && OWNERS[kind].file === KERNEL_MEMORY;
  });
}
