/** What would become of a first packet that a service takes, in the words of the contract. */
import type { DecisionPin, RouteState, WhatIfOutcome, WhatIfRoute } from '../api/contract.js';
import { STANDING } from '../core/decisions.js';
import type { Foreseen } from '../core/what-if.js';
import type { DesiredService, DesiredState } from '../kernel/desired.js';
import { findExpected } from '../kernel/expectations.js';
import { searchFlows } from '../kernel/flow-search.js';
import { routeOfMark } from '../kernel/marks.js';
import { appliesTo } from '../kernel/operator/applies.js';
import { familyOf } from '../model/address.js';
import { SIGNAL_PORTS } from '../model/calls.js';
import { LOCAL, makesCopies, type ServiceConfig, type Spoken } from '../model/config.js';
import { FIRST_PROTOCOLS } from '../wire/first-packets.js';
import { PROTOCOL } from '../wire/packet.js';
import { heldPin, untilOf } from './holders.js';
import type { Imagined } from './imagined.js';
import { findFollowed, findTunnel, isOpen, type Neighbours } from './kept-together.js';
import { foreseeKernel, type KernelForesight, mayAskAllTheSame, tunnelPart } from './kernel-foresight.js';
import { memoryEntry } from './memory-report.js';
import type { RaceClient } from './race-client.js';
import { saidBy } from './spoken.js';
import type { InForce } from './take-over.js';
import { sentenceOf, whyOfRoute } from './what-if-words.js';

type Rest = Omit<WhatIfOutcome, 'destination' | 'service' | 'passed'>;

/** null: no service takes it. */
export async function foreseen(
  gateway: InForce,
  race: Pick<RaceClient, 'whatIf' | 'memoryOf'>,
  set: Imagined,
  service: DesiredService | null,
  neighbours: Neighbours,
): Promise<Rest> {
  const state = gateway.desired();
  if (service === null || service.config.select.criterion === 'rest')
    return tunnelAsRest(gateway, state, set, service) ?? asRest(gateway, state, set, 'rest');
  const { config } = service;
  const said = saidBy(config, FIRST_PROTOCOLS[set.protocol], set.port);
  const family = familyOf(set.destination);
  const onTrial = service.trial[`ipv${family}`];
  const isOfOwnRule = rulesFor(state, set).length > 0;
  const [kernel, engine, memory] = await Promise.all([
    foreseeKernel(state, service, set, said, neighbours),
    race.whatIf({
      ...set,
      service: service.number,
      clientPort: IMAGINED_PORT,
      speaks: said.speaks,
      mayCopy:
        (makesCopies(config.select.criterion) || onTrial) && tunnelPart(set) !== 'flow' && !isOfOwnRule,
      isLocal: set.interface === LOCAL,
    }),
    memoryEntry(race, (number) => nameOf(gateway, number), memoryLengths(gateway), set.destination),
  ]);
  const isMeasured = kernel !== null && !isOfOwnRule && mayAskAllTheSame(state, service, set, kernel);
  const outcome =
    kernel === null
      ? byEngine(gateway, state, config, engine, set)
      : byKernel(gateway, config, kernel, engine);
  return {
    criterion: config.select.criterion,
    memory,
    notes: notesOf(state, set, said.speaks, config, outcome),
    ...(isMeasured ? { mayMeasure: true as const } : {}),
    ...outcome,
    pin: pinOf(gateway, config, set, outcome, kernel),
  };
}

/** What another connection has announced goes by its route before any service is asked; null: it was not announced. */
export async function followed(gateway: InForce, set: Imagined): Promise<Rest | null> {
  if (set.interface === LOCAL || (set.protocol !== 'tcp' && set.protocol !== 'udp')) return null;
  const protocol = FIRST_PROTOCOLS[set.protocol];
  const expected = await findExpected({ ...set, protocol });
  const controls = expected === null ? [] : await controlsOf(gateway, set);
  if (expected !== null && controls.length > 0) {
    // Which of several has announced it the kernel does not list.
    const only = controls.length === 1 ? controls[0] : null;
    return keptAsRest(only, expected.leftMs, 'follow', 'control');
  }
  const found = findFollowed(set, protocol, set.port);
  if (found?.value == null || !isOpen(familyOf(set.destination), found.value)) return null;
  const route = nameOf(gateway, routeOfMark(gateway.desired().marks, found.value));
  return route === null ? null : keptAsRest(route, found.leftMs, 'follow', 'control');
}

/** The routes of the connections of FTP between the two, by its usual port where there are any. */
async function controlsOf(gateway: InForce, { client, destination, port }: Imagined): Promise<string[]> {
  const { marks } = gateway.desired();
  const question = { client, destination, port: null, protocol: PROTOCOL.TCP, route: 0, service: 0 };
  const found = await searchFlows(marks, question, MOST_CONTROLS, true);
  const flows = found.filter((flow) => flow.destinationPort !== port);
  const usual = flows.filter((flow) => SIGNAL_PORTS.ftp.some((one) => one.port === flow.destinationPort));
  const routes = (usual.length > 0 ? usual : flows).flatMap(
    ({ mark }) => nameOf(gateway, routeOfMark(marks, mark)) ?? [],
  );
  return [...new Set(routes)];
}
const MOST_CONTROLS = 64;

/** Ephemeral, as any client's (RFC 6335 section 6). */
const IMAGINED_PORT = 49_152;

/** Rules of the operator's that keep it from being raced. */
function rulesFor({ ownTranslation }: DesiredState, set: Imagined): string[] {
  const isTcp = set.protocol === 'tcp';
  return ownTranslation.flatMap((own) => (appliesTo(own, { ...set, isTcp }) ? own.places : []));
}

/** Where the rest goes, a tunnel that there is goes on as it does, by a route that the rest could go by. */
function tunnelAsRest(
  gateway: InForce,
  state: DesiredState,
  set: Imagined,
  service: DesiredService | null,
): Rest | null {
  const isKept = service === null ? set.interface !== LOCAL : service.config.translate !== false;
  const known = isKept && tunnelPart(set) !== null ? findTunnel(set) : null;
  if (known?.value == null) return null;
  const mark = (known.value & state.marks.routeMask) >>> 0;
  const route = nameOf(gateway, routeOfMark(state.marks, mark));
  const isAble = state.restAlso[`ipv${familyOf(set.destination)}`].includes(mark);
  return isAble && route !== null ? keptAsRest(route, known.leftMs, 'tunnel', 'tunnel') : null;
}

function keptAsRest(
  route: string | null,
  leftMs: number | null,
  action: 'tunnel' | 'follow',
  by: DecisionPin['by'],
): Rest {
  const decided = { by: 'kernel', action, route, reasons: [REASON_WORDS[action]], routes: [] } as const;
  return {
    criterion: 'rest',
    ...decided,
    text: sentenceOf(decided, null),
    memory: null,
    pin: route === null ? null : { route, until: untilOf(leftMs), by },
    notes: [],
  };
}

type Decided = Pick<WhatIfOutcome, 'by' | 'action' | 'route' | 'reasons' | 'text' | 'routes'>;

function byKernel(
  gateway: InForce,
  config: ServiceConfig,
  kernel: KernelForesight,
  engine: Foreseen,
): Decided {
  const { action, shares } = kernel;
  const single = shares.size === 1 ? ([...shares.keys()][0] ?? 0) : 0;
  const routes = ownRoutes(gateway, config, engine, (number, state) => {
    const share = shares.get(number);
    if (share === undefined) return { part: 'left-out', why: whyOfRoute(state, config, action) };
    if (shares.size === 1) return { part: 'carries', why: REASONS_OF_KERNEL[action] };
    return { part: 'may-carry', why: 'it takes its turn', share: Math.round(share * 1000) / 1000 };
  });
  const route = single === 0 ? null : nameOf(gateway, single);
  const decided = { by: 'kernel', action, route, reasons: [REASON_WORDS[action]], routes } as const;
  return { ...decided, text: sentenceOf(decided, config) };
}

const REASON_WORDS: Readonly<Record<KernelForesight['action'] | 'follow', string>> = {
  tunnel: 'tunnel',
  follow: 'follows',
  pin: 'held',
  group: 'affinity',
  single: 'never-raced',
  memory: 'remembered',
  turns: 'criterion',
  hash: 'criterion',
  one: 'criterion',
};

const REASONS_OF_KERNEL: Readonly<Record<KernelForesight['action'], string>> = {
  tunnel: 'the tunnel of its client and server is on it',
  pin: 'the destination is held on it by command',
  group: 'the group of the connection is on it',
  single: '`race.never` has its destination, and this is the best guess',
  memory: 'it was the fastest for this destination, as is remembered',
  turns: 'it takes its turn',
  hash: 'the hash says so',
  one: 'the criterion says so',
};

function byEngine(
  gateway: InForce,
  state: DesiredState,
  config: ServiceConfig,
  engine: Foreseen,
  set: Imagined,
): Decided {
  if (engine.kind === 'race') {
    const asked = engine.routes.filter(({ part }) => part === 'sent' || part === 'waits');
    const routes = ownRoutes(gateway, config, engine, (number, standing) => {
      const own = engine.routes.find(({ route }) => route === number);
      if (own?.part === 'sent') return { part: 'races', why: 'a copy leaves at once' };
      if (own?.part === 'waits')
        return {
          part: 'waits',
          why: 'a copy leaves unless the race is over by then',
          afterMicros: Math.round(own.after),
        };
      if (own?.part === 'measured')
        return { part: 'measured', why: 'it has to prove itself, and cannot win' };
      return { part: 'left-out', why: whyOfRoute(standing, config, 'race') };
    });
    const [only] = asked;
    const route = asked.length === 1 && only !== undefined ? nameOf(gateway, only.route) : null;
    const decided = { by: 'race', action: 'race', route, reasons: ['criterion'], routes } as const;
    return { ...decided, text: sentenceOf(decided, config) };
  }
  if (engine.route === 0) {
    const rest = asRest(gateway, state, set, engine.reason);
    const routes = ownRoutes(gateway, config, engine, (_, standing) => ({
      part: 'left-out',
      why: whyOfRoute(standing, config, 'rest'),
    }));
    return {
      by: rest.by,
      action: rest.action,
      route: rest.route,
      reasons: [engine.reason],
      text: rest.text,
      routes,
    };
  }
  const action = ACTIONS[engine.reason] ?? 'single';
  const routes = ownRoutes(gateway, config, engine, (number, standing) =>
    number === engine.route
      ? { part: 'carries', why: engine.reason === 'criterion' ? 'the criterion says so' : engine.reason }
      : { part: 'left-out', why: whyOfRoute(standing, config, action) },
  );
  const decided = {
    by: 'daemon',
    action,
    route: nameOf(gateway, engine.route),
    reasons: [engine.reason],
    routes,
  } as const;
  return { ...decided, text: sentenceOf(decided, config) };
}

const ACTIONS: Readonly<Record<string, WhatIfOutcome['action'] | undefined>> = {
  criterion: 'criterion',
  remembered: 'memory',
  affinity: 'group',
  held: 'pin',
};

/** As everything goes that no service names. */
function asRest(gateway: InForce, state: DesiredState, set: Imagined, reason: string): Rest {
  const family = `ipv${familyOf(set.destination)}` as const;
  const number = routeOfMark(state.marks, state.rest[family]);
  const isClosed = number === 0 && (state.closed[family] || state.carried[family]);
  const route = number === 0 ? null : gateway.numbers.routes.nameOf(number);
  const action = number !== 0 ? 'rest' : isClosed ? 'refused' : 'not-ours';
  return {
    criterion: 'rest',
    by: number === 0 && !isClosed ? 'main-table' : 'kernel',
    action,
    route,
    reasons: [reason],
    text: TEXTS_OF_REST[action](route ?? ''),
    routes: [],
    memory: null,
    pin: null,
    notes: [],
  };
}

const TEXTS_OF_REST = {
  rest: (route: string): string =>
    `It goes by ${route}, as everything does that no service races or chooses for.`,
  refused: (): string => 'It is refused: no route can carry it.',
  'not-ours': (): string => 'No route carries its family: the main table decides.',
} as const;

function ownRoutes(
  gateway: InForce,
  config: ServiceConfig,
  engine: Foreseen,
  partOf: (number: number, state: RouteState) => Omit<WhatIfRoute, 'route' | 'state'>,
): WhatIfRoute[] {
  return config.select.routes.map((route) => {
    const number = gateway.numbers.routes.of(route);
    const standing = engine.routes.find((one) => one.route === number)?.standing ?? STANDING.DOWN;
    const state = STATES[standing] ?? 'down';
    return { route, state, ...partOf(number, state) };
  });
}

/** In the order of STANDING. */
const STATES: readonly RouteState[] = ['up', 'suspect', 'down', 'draining', 'disabled'];

function pinOf(
  gateway: InForce,
  config: ServiceConfig,
  { destination }: Imagined,
  { action, route }: Decided,
  kernel: KernelForesight | null,
): DecisionPin | null {
  if (action === 'tunnel' && route !== null)
    return { route, until: untilOf(kernel?.leftMs ?? null), by: 'tunnel' };
  const held = heldPin(gateway, config, destination);
  if (held !== null) return held;
  if (action !== 'group' || route === null) return null;
  const until = untilOf(kernel?.leftMs ?? config.affinityMs);
  return { route, until, by: 'group', group: config.affinity };
}

function notesOf(
  state: DesiredState,
  set: Imagined,
  speaks: Spoken | null,
  config: ServiceConfig,
  { by, action }: Decided,
): string[] {
  const { protocol, interface: from } = set;
  const copies = makesCopies(config.select.criterion);
  const part = tunnelPart(set);
  const rules = copies && by === 'daemon' ? rulesFor(state, set) : [];
  return [
    ...(part === 'flow' && action !== 'tunnel'
      ? ['No tunnel of the two is known: IKE, ESP, AH and GRE between them stay by what this one gets.']
      : []),
    ...(rules.length > 0
      ? [`It is not raced since a rule of yours may give it what no copy has: ${rules.join('; ')}.`]
      : []),
    ...(protocol === 'udp' && part === null && speaks === null && copies
      ? ['What a datagram says decides whether it is copied; this one is taken to say nothing that is known.']
      : []),
    ...(protocol === 'udp' && speaks === 'quic' ? ['It is taken to begin QUIC.'] : []),
    ...(from === LOCAL ? ['A program that is bound to an interface goes by that.'] : []),
  ];
}

function nameOf({ config, numbers }: InForce, number: number): string | null {
  const name = numbers.routes.nameOf(number);
  return config.routes.some((route) => route.name === name) ? name : null;
}

function memoryLengths({ config }: InForce): { readonly 4: number; readonly 6: number } {
  const { ipv4, ipv6 } = config.memory.aggregate;
  return { 4: ipv4, 6: ipv6 };
}
