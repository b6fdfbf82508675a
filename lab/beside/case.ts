/**
 * What an operator has on the gateway's machine besides: rules, programs. Which connections arrive does not depend on who
 * distributes them, so the same is expected beside plain kernel NAT and beside every way to choose.
 */
import type { Host } from '../host.js';
import type { Lab } from '../lab.js';
import { uplink } from '../plan.js';

export interface Case {
  readonly name: string;
  readonly kind: 'firewall' | 'translation' | 'helper' | 'neighbour';
  /** Puts it on the gateway. */
  install(lab: Lab): Promise<Installation>;
  readonly probes: readonly Probe[];
}

export interface Installation {
  /** Machines that came with it, by name. */
  readonly hosts?: Readonly<Record<string, Host>>;
  /** The program sets its rules anew, as at its reload. */
  reload?(): Promise<unknown>;
  remove(): Promise<void>;
}

/** Connections of one kind. */
export interface Probe {
  readonly name: string;
  /** Opens them; how they ended, counted: `ok`, or the client's error. */
  run(lab: Lab, hosts: Readonly<Record<string, Host>>): Promise<Answers>;
  /** After all rounds. */
  readonly expected: Outcome;
}

export type Answers = Readonly<Record<string, number>>;

export interface Outcome {
  readonly answers: Answers;
  /** Where the first packets went that left by a provider, as `address port`. */
  readonly reached: readonly string[];
  /** Packets that left by a provider with an address that is not the provider's. */
  readonly foreign: number;
}

/** Twice: what the first round has taught decides the second. */
export const ROUNDS = 2;

/** Asks a probe with its case in place: what clients saw, and what was on the wire. */
export async function ask(probe: Probe, lab: Lab, { hosts = {} }: Installation): Promise<Outcome> {
  await lab.wire.reset();
  const answers: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [word, count] of Object.entries(await probe.run(lab, hosts)))
      answers[word] = (answers[word] ?? 0) + count;
  }
  return { answers, ...(await onTheWire(lab)) };
}

/** A tunnel's own packets are the gateway's, whatever is in them. */
export const TUNNEL_PORT = 51_820;

async function onTheWire(lab: Lab): Promise<Omit<Outcome, 'answers'>> {
  const own = new Map(
    lab.scenario.providers.map((provider) => {
      const { ipv4, ipv6 } = uplink(provider);
      return [provider.name, [...(ipv4?.addresses ?? []), ...(ipv6?.addresses ?? [])]];
    }),
  );
  const out = (await lab.wire.trace({ direction: 'out' })).filter(
    ({ protocol, destinationPort }) =>
      (protocol === 'tcp' || protocol === 'udp') && destinationPort !== TUNNEL_PORT,
  );
  const first = out.filter(({ kind }) => kind === 'syn' || kind === 'udp');
  return {
    reached: [...new Set(first.map((packet) => `${packet.destination} ${packet.destinationPort}`))].sort(),
    foreign: out.filter(({ provider, source }) => !own.get(provider)?.includes(source)).length,
  };
}
