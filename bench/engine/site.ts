/** Every way in which the routes and services of a program can be. */
import {
  type EngineRoute,
  type EngineService,
  type MemorySettings,
  NO_RULES,
  type RaceRules,
} from '../../src/core/engine-types.js';
import type { RoutePrefix } from '../../src/core/race/prefix.js';
import type { Family } from '../../src/model/address.js';
import { AFFINITIES, CRITERIA, SPOKEN } from '../../src/model/config.js';
import { serviceOver } from '../../src/sim/world.js';
import { ROUTES, words } from './flows.js';
import type { StepOf } from './steps.js';

/** As a program wants its routes to be, in indexes of the lists below. */
type RouteState = Record<StepOf<'route'>['change'], number>;

const ADMINS = ['enabled', 'enabled', 'draining', 'disabled'] as const;
const MTUS = [1500, 1280, 600, 9000];
const USUAL: RouteState = {
  usable4: 0,
  usable6: 0,
  pool4: 0,
  pool6: 0,
  prefixes: 0,
  interface: 0,
  admin: 0,
  lastResort: 0,
  translate: 0,
  mtu: 0,
  checkFails: 0,
  checkRecovers: 0,
};

function pool(family: Family, number: number, which: number): Int32Array {
  const own = family === 4 ? `203.0.${number}.2` : `2001:db8:a${number}::2`;
  const other = family === 4 ? `203.0.${number}.99` : `2001:db8:a${number}::99`;
  const shared = family === 4 ? '203.0.9.9' : '2001:db8:a9::9';
  const texts = [[own], [own], [other], [own, other], [other, own], [], [shared], [own, shared]][which & 7];
  return Int32Array.from(texts.flatMap((text) => [...words(text)]));
}

function prefixes(number: number, which: number): readonly RoutePrefix[] | null {
  const one = (inside: string, outside: string, length: number): RoutePrefix => ({
    length,
    inside: words(inside),
    outside: words(outside),
  });
  const lists = [
    null,
    [one('fd00:1::', `2001:db8:b${number}::`, 48)],
    [one('fd00:1::', `2001:db8:c${number}::`, 48)],
    [one('fd00:2::', `2001:db8:d${number}::`, 48), one('fd00:1::', `2001:db8:b${number}::`, 48)],
    [one('fd00:1::', `2001:db8:e${number}::`, 64)],
    [],
  ];
  return lists[which % lists.length];
}

function routeOf(number: number, state: RouteState): EngineRoute {
  const mapped = prefixes(number, state.prefixes);
  return {
    number,
    interfaceIndex: interfaceOf(number, state.interface),
    usable: { 4: state.usable4 % 3 !== 1, 6: state.usable6 % 3 !== 1 },
    configured: true,
    checkFails: [0, 2, 3][state.checkFails % 3],
    ...(state.checkRecovers % 3 !== 0 && { checkRecovers: [0, 1, 7][state.checkRecovers % 3] }),
    admin: ADMINS[state.admin & 3],
    lastResort: state.lastResort % 3 === 1,
    translate: state.translate % 3 !== 1,
    mtu: { 4: MTUS[state.mtu & 3], 6: MTUS[state.mtu & 3] },
    ...(mapped !== null && { prefixes: mapped }),
    addresses: { 4: pool(4, number, state.pool4), 6: pool(6, number, state.pool6) },
  };
}

/** Its own, that of the route before, or none. */
function interfaceOf(number: number, which: number): number {
  return [10 + number, 10 + number, 9 + number, 0][which & 3];
}

/** The routes as they shall be. */
export class Routes {
  private readonly states: RouteState[] = Array.from({ length: ROUTES }, () => ({ ...USUAL }));
  private shape: Omit<StepOf<'table'>, 'kind'> = { missing: 0, order: 'as-is', length: ROUTES };

  change({ route, change, value }: StepOf<'route'>): void {
    this.states[route - 1][change] = value;
  }

  reshape(shape: StepOf<'table'>): void {
    this.shape = shape;
  }

  table(): EngineRoute[] {
    const { missing, order, length } = this.shape;
    const all = this.states.map((state, i) => routeOf(i + 1, state));
    if (order === 'reversed') all.reverse();
    if (order === 'rotated') all.push(all.shift()!);
    return all.filter(({ number }) => (missing & (1 << (number - 1))) === 0).slice(0, length);
  }
}

const LISTS = [[1, 2, 3, 4], [4, 1], [2, 3], [1, 2, 3], [3], [4, 3, 2, 1], [2]];
const CRITERIA_ALL: readonly EngineService['criterion'][] = [
  ...CRITERIA,
  'race',
  'race',
  'race',
  'fixed',
  'rest',
];
const BYS = ['client+destination', 'client', 'destination'] as const;

type ServiceState = Record<StepOf<'service'>['change'], number>;

const raced: ServiceState = {
  there: 0,
  routes: 0,
  criterion: 0,
  affinity: 4,
  affinityMicros: 0,
  translate: 0,
  costDelay: 0,
  weight: 0,
  by: 0,
  threshold: 0,
  atMost: 0,
  speaks: 0,
};

/** One server of each family. */
const NEVER = ['198.51.100.7/32', '2001:db8::/48'];

/** The services as they shall be, and memory with them. */
export class Services {
  private readonly states: ServiceState[] = [
    { ...raced },
    { ...raced, routes: 1, costDelay: 1 },
    { ...raced, routes: 3, affinity: 2, affinityMicros: 1 },
    { ...raced, routes: 2, criterion: 3, weight: 1 },
    { ...raced, translate: 2 },
  ];
  private reversed = false;
  memory: MemorySettings = {
    trustMicros: 600_000_000,
    forgetMicros: 1_800_000_000,
    refresh: 0,
    stagger: 'never',
  };

  rules: RaceRules = NO_RULES;

  change({ service, change, value }: StepOf<'service'>): void {
    this.states[service - 1][change] = value;
  }

  reshape({ reversed, trust, forget, stagger, perDestination, never }: StepOf<'services'>): void {
    this.reversed = reversed;
    this.rules = { perDestination, never: never ? NEVER : [] };
    this.memory = { trustMicros: trust, forgetMicros: trust * forget, refresh: 0, stagger };
  }

  list(): EngineService[] {
    const all = this.states.map((state, i) => serviceOf(i + 1, state));
    const there = all.filter((_, i) => this.states[i].there % 3 !== 1);
    return this.reversed ? there.reverse() : there;
  }
}

function serviceOf(number: number, state: ServiceState): EngineService {
  const criterion = CRITERIA_ALL[state.criterion % CRITERIA_ALL.length];
  const routes = LISTS[state.routes % LISTS.length];
  return serviceOver(criterion === 'fixed' ? routes.slice(0, 1) : routes, {
    number,
    criterion,
    affinity: AFFINITIES[state.affinity % AFFINITIES.length],
    affinityMicros: [600_000_000, 3_000_000][state.affinityMicros & 1],
    translate: [null, true, false][state.translate % 3],
    costDelayMicros: [0, 10_000, 5_000_000][state.costDelay % 3],
    sessionWeight: [1, 3][state.weight & 1],
    by: BYS[state.by % 3],
    threshold: [0.8, 0.1, 1][state.threshold % 3],
    atMost: [0, 2, 3][state.atMost % 3],
    speaks: [null, null, ...SPOKEN][state.speaks % (2 + SPOKEN.length)],
  });
}
