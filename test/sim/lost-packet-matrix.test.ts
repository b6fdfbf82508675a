import { describe, expect, it } from 'vitest';
import type { PacketDrop } from '../../src/sim/scenario.js';
import { World } from '../../src/sim/world.js';
import { permutations } from './rules.js';

/** One handshake packet that is lost once. The client's ACK exists on the winner's route only. */
interface Loss {
  readonly packet: 'syn' | 'synack' | 'ack' | 'rst';
  /** From 1. */
  readonly route: number;
}

const KINDS = ['syn', 'synack', 'ack', 'rst'] as const;
/** When a server sends its SYN+ACK, after the SYN came. */
const SYN_ACKS = [0, 1000, 3000];

/** What the losses must lead to, by arithmetic alone: round-trip times and time-outs. Milliseconds. */
interface Rule {
  readonly connected: number;
  readonly winner: number;
  readonly established: number;
  /** Per route: when its half-open entry is gone; NaN: it never had one. */
  readonly closed: readonly number[];
}

function ruleFor(rtts: readonly number[], losses: readonly Loss[]): Rule {
  const lost = (packet: Loss['packet'], route: number): number =>
    losses.some((loss) => loss.packet === packet && loss.route === route) ? 1 : 0;
  // Each loss before the answer costs the client's next SYN repeat, which comes a second later.
  const answered = rtts.map((rtt, i) => rtt + 1000 * (lost('syn', i + 1) + lost('synack', i + 1)));
  const connected = Math.min(...answered);
  const winner = answered.indexOf(connected) + 1;
  const rtt = rtts[winner - 1];
  // The server repeats its SYN+ACK a second after the SYN came, half a round trip after it was sent.
  const established = lost('ack', winner) === 1 ? 1000 + 1.5 * rtt : connected + rtt / 2;
  const closed = rtts.map((own, i) => {
    const route = i + 1;
    if (route === winner || (lost('syn', route) === 1 && connected < 1000)) return Number.NaN;
    return SYN_ACKS[lost('synack', route) + lost('rst', route)] + 1.5 * own;
  });
  return { connected, winner, established, closed };
}

function run(
  rtts: readonly number[],
  losses: readonly Loss[],
  family: 4 | 6,
): { world: World; wrong: string[] } {
  const drops: Record<string, PacketDrop[]> = {};
  for (const { packet, route } of losses) {
    const direction = packet === 'synack' ? 'in' : 'out';
    drops[`p${route}`] = [...(drops[`p${route}`] ?? []), { packet, direction }];
  }
  const providers = rtts.map((rtt, i) => ({ name: `p${i + 1}`, link: { delayMs: rtt / 2 } }));
  const world = new World({ providers, drops });
  const client = world.connect({ at: 0, family: family === 4 ? 'ipv4' : 'ipv6' });
  world.runUntil(8000);

  const rule = ruleFor(rtts, losses);
  const wrong: string[] = [];
  const same = (what: string, found: unknown, wanted: unknown): void => {
    if (!Object.is(found, wanted)) wrong.push(`${what}: found ${found}, expected ${wanted}`);
  };
  const [server] = world.servers;
  same('result', client.result, 'connected');
  same('connected at', client.connectMicros / 1000, rule.connected);
  same('winner', client.winner, rule.winner);
  same('resets by the client', client.resetsSent, 0);
  same('half-open at the end', world.halfOpen, 0);
  const established = server.connectionsIn('established');
  same('established', established.length, 1);
  same('established over', established[0]?.provider, rule.winner);
  same('established at', established[0]?.settledAt / 1000, rule.established);
  for (const [i, wanted] of rule.closed.entries()) {
    const all = server.history.filter(({ provider, state }) => provider === i + 1 && state !== 'established');
    const at = all.length === 0 ? Number.NaN : all[0].settledAt / 1000;
    // After a second race by repeats, SYN+ACKs of both kinds cross: not later is enough.
    if (rule.connected < 1000) same(`half-open over ${i + 1} until`, at, wanted);
    else if (at > wanted + 1000)
      wrong.push(`half-open over ${i + 1} until ${at}, expected at most ${wanted + 1000}`);
  }
  const others = client.arrivals.filter(({ provider }) => provider !== rule.winner);
  same('packets from others', others.length, 0);
  same('races left', world.gateway.engine.races.active, 0);
  if (wrong.length > 0) wrong.unshift(`${rtts.join('/')} ms, IPv${family}, lost: ${JSON.stringify(losses)}`);
  return { world, wrong };
}

/** No loss, every single one, every pair. */
function lossesFor(routes: number): Loss[][] {
  const single: Loss[] = [];
  for (let route = 1; route <= routes; route++) for (const packet of KINDS) single.push({ packet, route });
  const pairs = single.flatMap((a, i) => single.slice(i + 1).map((b) => [a, b]));
  return [[], ...single.map((loss) => [loss]), ...pairs];
}

function checkAll(rtts: readonly number[], family: 4 | 6 = 4): string[] {
  return lossesFor(rtts.length)
    .flatMap((losses) => run(rtts, losses, family).wrong)
    .slice(0, 30);
}

describe('the lost-packet matrix: every handshake packet lost once, alone and in pairs', () => {
  it('covers all of them', () => {
    expect(lossesFor(3)).toHaveLength(1 + 12 + 66);
  });

  it.each(permutations([30, 70]))('two routes, %i and %i ms', (...rtts) => {
    expect(checkAll(rtts)).toEqual([]);
  });

  it.each(permutations([20, 46, 80]))('three routes, %i, %i and %i ms', (...rtts) => {
    expect(checkAll(rtts)).toEqual([]);
    expect(checkAll(rtts, 6)).toEqual([]);
  });

  it('five routes', () => {
    expect(checkAll([46, 20, 82, 32, 60])).toEqual([]);
  });

  it('a route as slow as the second SYN', () => {
    expect(checkAll([20, 1050, 80])).toEqual([]);
  });
});

describe('losses that need more than one repeat', () => {
  it.each([1, 2, 3, 4, 5])('the first %i SYNs lost on all routes', (count) => {
    const drop: PacketDrop = { packet: 'syn', direction: 'out', count };
    const world = new World({
      providers: [
        { name: 'a', link: { delayMs: 20 } },
        { name: 'b', link: { delayMs: 10 } },
      ],
      drops: { a: [drop], b: [drop] },
    });
    const client = world.connect({ at: 0 });
    world.runUntil(12_000);
    expect(client.connectMicros / 1000).toBe([0, 1000, 2000, 3100, 4100, 5100][count] + 20);
    expect(world.halfOpen).toBe(0);
  });

  it("a SYN+ACK that the LAN loses comes again by the winner's flow", () => {
    let lost = 0;
    const world = new World(
      { providers: [{ name: 'a', link: { delayMs: 20 } }, { name: 'b' }] },
      { lanLoses: (_, direction) => direction === 'to-client' && lost++ === 0 },
    );
    const client = world.connect({ at: 0 });
    world.runUntil(5000);
    expect(client.result).toBe('connected');
    expect(client.connectMicros / 1000).toBe(1000);
    expect(world.gateway.conntrack.size).toBe(1);
    expect(world.halfOpen).toBe(0);
  });

  it('every RST of a loser lost: its half-open entry lives as long as at a server that nobody answers, no longer', () => {
    const world = new World({
      providers: [{ name: 'a' }, { name: 'b', link: { delayMs: 10 } }],
      drops: { b: [{ packet: 'rst', count: 100 }] },
    });
    world.connect({ at: 0 });
    world.runUntil(20_000);
    expect(world.halfOpen).toBe(0);
    // One RST per SYN+ACK: 0, 1, 3, 7 s.
    expect(world.trace.filter({ provider: 2, kind: 'rst' })).toHaveLength(4);
  });
});
