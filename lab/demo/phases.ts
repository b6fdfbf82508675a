/** Who decides for how long, in which order: the demo as a list. */

/** How connections find their route: the gateway under test, or one of the baselines of plain kernel NAT. */
export type Policy =
  | { readonly kind: 'race' }
  | { readonly kind: 'single'; readonly provider: string }
  | { readonly kind: 'round-robin' };

export interface Phase {
  readonly policy: Policy;
  /** The provider that is silent past its next hop, or null. */
  readonly dead: string | null;
  readonly seconds: number;
}

/** A run is rounds of this length; each round has all policies, healthy and with one provider dead. */
export interface Round {
  readonly seconds: number;
  readonly phases: readonly Phase[];
}

/**
 * The rounds of a run of `seconds`, or of an endless one. Every round another provider dies, so that none is spared. The first round of
 * an endless run is short, for those who do not stay.
 */
export function* rounds(seconds: number | null, providers: readonly string[]): Generator<Round> {
  const count =
    seconds === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.round(seconds / ROUND_SECONDS));
  for (let index = 0; index < count; index++) {
    // The middle one first: neither the fastest access nor the slowest.
    const dead = providers[(index + 1) % providers.length] as string;
    const length = seconds === null ? (index === 0 ? FIRST_ROUND_SECONDS : ROUND_SECONDS) : seconds / count;
    yield { seconds: length, phases: roundPhases(length, dead, providers) };
  }
}

/** Ends of the range that --for and the endless run use; see `rounds`. */
const ROUND_SECONDS = 40;
const FIRST_ROUND_SECONDS = 20;

/**
 * The provider dies while the gateway races, and stays dead for the baselines. Those that lose connections come first among them: their
 * time-outs run while the others are measured.
 */
function roundPhases(seconds: number, dead: string, providers: readonly string[]): Phase[] {
  const single = (provider: string): Policy => ({ kind: 'single', provider });
  const roundRobin: Policy = { kind: 'round-robin' };
  const others = providers.filter((provider) => provider !== dead);
  const afterDeath = [single(dead), roundRobin, ...others.map(single)];
  const afterRepair = [...providers.map(single), roundRobin];
  const baseline = Math.min(4, Math.max(MIN_WINDOW_SECONDS, 0.036 * seconds));
  const racing = seconds - SWITCHING_SECONDS - baseline * (afterDeath.length + afterRepair.length);
  return [
    { policy: { kind: 'race' }, dead: null, seconds: 0.55 * racing },
    { policy: { kind: 'race' }, dead, seconds: 0.45 * racing },
    ...afterDeath.map((policy): Phase => ({ policy, dead, seconds: baseline })),
    ...afterRepair.map((policy): Phase => ({ policy, dead: null, seconds: baseline })),
  ];
}

/** Two passes over all destinations, see `traffic.ts`. */
const MIN_WINDOW_SECONDS = 0.48;
/** What installing and removing eight baselines, stopping the gateway and the last time-outs take per round. */
const SWITCHING_SECONDS = 2.7;

export function policyName(policy: Policy): string {
  switch (policy.kind) {
    case 'race':
      return 'racing';
    case 'single':
      return `only ${policy.provider}`;
    case 'round-robin':
      return 'round robin';
  }
}

export function phaseTitle({ policy, dead }: Phase): string {
  const how = {
    race: 'racing every connection',
    single: `${policyName(policy)} (plain kernel NAT)`,
    'round-robin': 'round robin (plain kernel NAT)',
  }[policy.kind];
  return `${how}, ${healthTitle(dead)}`;
}

export function healthTitle(dead: string | null): string {
  return dead === null ? 'all providers healthy' : `${dead} silently dead past its next hop`;
}
