/** One site from beginning to end: its world, the luck of its packets, and what became of its connections. */
import type { EngineService } from '../../src/core/engine-types.js';
import type { SimClient } from '../../src/sim/client.js';
import { kindOf } from '../../src/sim/packets.js';
import type { Direction } from '../../src/sim/scenario.js';
import { World } from '../../src/sim/world.js';
import { FLAG, type Packet, PROTOCOL } from '../../src/wire/packet.js';
import { type Deeds, Keeper } from './keeper.js';
import { Luck, luckKind } from './luck.js';
import { drawPlan, type Plan } from './plan.js';

export interface Episode {
  readonly plan: Plan;
  readonly world: World;
  readonly luck: Luck;
  readonly deeds: Deeds;
  /** In the order of the plan. */
  readonly clients: readonly SimClient[];
}

/** What the fate of a packet depends on. */
interface Site {
  readonly plan: Plan;
  readonly luck: Luck;
  readonly keeper: Keeper;
  readonly world: World;
}

/** After the last connection has begun: the longest patience, and flows that speak again. */
const REST_MS = 45_000;
/** A connection's sequence numbers begin at its own number, times this: so each of its packets says whose it is. */
const ISN_STEP = 4096;
const BURST_LOSS = 0.9;
const SETTINGS = { races: 512, racesPerClient: 512, portMemory: 4096 } as const;

export const SERVICE_PORTS = [0, 443, 8443] as const;

/** The same for the same seed. `records`: what was on the wire is kept, to be looked at. */
export function runEpisode(seed: number, records = false): Episode {
  const plan = drawPlan(seed);
  const endMs = Math.max(...plan.connections.map(({ atMs }) => atMs)) + REST_MS;
  const luck = new Luck(seed, [undefined, ...plan.routes], plan.connections.length);
  let world: World;
  const keeper = new Keeper(plan, () => world, endMs);
  world = new World(
    {
      seed,
      lan: { clients: 60 },
      providers: plan.routes.map(({ delayMs, families }, i) => ({
        name: nameOf(i),
        families,
        link: { delayMs },
      })),
      servers: Array.from({ length: plan.servers }, (_, server) => ({
        name: `s${server}`,
        ipv4: [`198.${51 + server}.100.1`],
        ipv6: [`2001:db8:${100 + server}::1`],
        distanceMs: Object.fromEntries(
          plan.routes.map(({ distanceMs }, i) => [nameOf(i), distanceMs[server]!]),
        ),
      })),
    },
    {
      settings: { ...SETTINGS, memorySize: plan.memorySize },
      services: plan.services,
      memory: plan.memory,
      mapLagMicros: plan.mapLagMicros,
      batchMicros: plan.batchMicros,
      serviceOf: ({ destinationPort }) => SERVICE_PORTS.indexOf(destinationPort as 443),
      onAsk: (route, family) => keeper.ask(route, family),
      tamper: (packet, provider, direction) => {
        if (direction === 'in') keeper.heardAt[provider] = world.schedule.now;
        return fateOf({ plan, luck, keeper, world }, packet, provider, direction);
      },
      records,
    },
  );
  keeper.start();
  const clients = plan.connections.map(
    ({ atMs, client, server, family, service, talks, pauseMs, patience }, i) =>
      world.connect({
        at: atMs,
        to: `s${server}`,
        client,
        port: SERVICE_PORTS[service as 1],
        family,
        isn: (i + 1) * ISN_STEP,
        bytes: 100,
        closes: true,
        patience,
        ...(talks === 0 ? {} : { talk: { times: talks, pauseMicros: pauseMs * 1000 } }),
      }),
  );
  world.runUntil(endMs);
  return { plan, world, luck, deeds: keeper.deeds, clients };
}

/** The service of a connection. */
export function serviceOf({ services }: Plan, number: number): EngineService {
  return services[number - 1]!;
}

function nameOf(index: number): string {
  return `p${index + 1}`;
}

const PASSES = [0] as const;
const LOST: readonly number[] = [];

/** When each copy of a packet goes on. */
function fateOf(site: Site, packet: Packet, route: number, direction: Direction): readonly number[] {
  const { plan, luck, keeper } = site;
  const { now } = site.world.schedule;
  if (packet.protocol !== PROTOCOL.TCP) return PASSES;
  const hasNumber = direction === 'out' || (packet.flags & FLAG.ACK) !== 0;
  const number = direction === 'out' ? packet.sequence : packet.acknowledgement;
  const connection = hasNumber ? Math.floor(number / ISN_STEP) - 1 : -1;
  if (connection < 0 || connection >= luck.losses.length) return PASSES;
  const lane = { connection, route, direction, kind: luckKind(kindOf(packet)) };
  const place = luck.next(lane);
  const isTroubled = now < plan.wellMs * 1000;
  const isBurst = keeper.isBurst(route) && isUnlucky(now, place);
  if (isTroubled && (isBurst || luck.isLost(lane, place))) {
    luck.losses[connection]!++;
    return LOST;
  }
  const delay = luck.delay(lane, place);
  return delay === 0 ? PASSES : [delay];
}

/** Most of what is sent during a burst is lost. */
function isUnlucky(now: number, place: number): boolean {
  return ((Math.imul(now | 0, 0x9e3779b1) ^ place) >>> 0) / 4294967296 < BURST_LOSS;
}
