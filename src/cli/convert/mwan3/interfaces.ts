/** Interfaces of mwan3: which become a route, by which device, and how they are checked. */
import { MAX_TARGETS, parseTargets } from '../../../config/values/check-targets.js';
import { isName } from '../../../config/values/texts.js';
import { CRITERIA } from '../../../model/config.js';
import { isDevice } from '../device.js';
import type { Network } from '../network.js';
import type { Options } from './options.js';

export type IpFamily = 'ipv4' | 'ipv6';

/** One or two interfaces of mwan3 (one a family) that have the same device. */
export interface Uplink {
  /** Name of the route. */
  readonly route: string;
  readonly device: string;
  readonly check: Check | null;
  /** Of the file of networks; null: not known. */
  readonly metric: number | null;
}

export interface Check {
  readonly targets: readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly fail: number;
  readonly recover: number;
}

/** What a member means by the name of an interface. */
export interface Logical {
  readonly uplink: Uplink;
  readonly family: IpFamily;
}

/** As many as a gateway has routes. */
const MOST_ROUTES = 16;

export interface InterfaceOptions {
  readonly network: Network | null;
  /** Also those that are not enabled. */
  readonly disabled: boolean;
}

/** The routes in the order of the file, and each interface by its name. */
export function readInterfaces(
  sections: readonly Options[],
  options: InterfaceOptions,
): { readonly uplinks: readonly Uplink[]; readonly logical: ReadonlyMap<string, Logical> } {
  const { network } = options;
  const open = new Map<string, OpenUplink>(); // BOUNDED: MOST_ROUTES, by device.
  const logical = new Map<string, Logical>(); // BOUNDED: two a route, and those that share it.
  const families = new Map(sections.map((section) => [section.name, familyOf(section)]));
  for (const section of sections) {
    const isEnabled = section.flag('enabled', false);
    const family = families.get(section.name);
    const check = readCheck(section);
    noteHabits(section);
    section.noteRest();
    if (family === undefined) continue;
    if (!isEnabled && !options.disabled) {
      section.note('unused', 'enabled', 'It is not enabled; --disabled takes it over all the same.');
      continue;
    }
    const device = deviceOf(section, network, families);
    if (device === null) continue;
    const found = open.get(device);
    if (found === undefined && open.size >= MOST_ROUTES) {
      section.noteAll('lost', `A gateway has ${MOST_ROUTES} routes at most.`);
      continue;
    }
    const uplink = found ?? {
      route: routeName(section.name, [...open.values()]),
      device,
      check: null,
      metric: network?.metricOf(section.name) ?? null,
    };
    open.set(device, uplink);
    if (found !== undefined) noteShared(section, found, check);
    uplink.check = bothChecks(uplink.check, check);
    logical.set(section.name, { uplink, family });
  }
  return { uplinks: [...open.values()], logical };
}

interface OpenUplink extends Uplink {
  check: Check | null;
}

function familyOf(section: Options): IpFamily | undefined {
  const family = section.text('family') ?? 'ipv4';
  if (family === 'ipv4' || family === 'ipv6') return family;
  section.note('unused', 'family', 'mwan3 knows ipv4 and ipv6, and does nothing with any other.');
  return undefined;
}

function deviceOf(
  section: Options,
  network: Network | null,
  families: ReadonlyMap<string, IpFamily | undefined>,
): string | null {
  const { name } = section;
  const known = network?.deviceOf(name) ?? null;
  if (known !== null) return known;
  // As OpenWrt's own files have it: wan and wan6, by one device.
  const twin = /^(.+?)_?6$/.exec(name)?.[1];
  const isTwin = families.get(name) === 'ipv6' && twin !== undefined && families.get(twin) === 'ipv4';
  const device = isTwin ? (network?.deviceOf(twin) ?? twin) : name;
  if (!isDevice(device)) {
    section.noteAll('lost', 'No device of Linux can have this name; say with --network which it is.');
    return null;
  }
  // Of the other one it is said, and that both are one route.
  if (isTwin) return device;
  const where = network === null ? 'Without --network' : 'The file of networks does not say';
  section.noteAll(
    'differs',
    `${where} which device it is: ${device} is taken. Look at the route's \`interface\`.`,
  );
  return device;
}

/** Names of routes are none of these words, so that `select` is plain. */
function routeName(name: string, others: readonly OpenUplink[]): string {
  const taken = (text: string): boolean =>
    !isName(text) ||
    text === 'rest' ||
    (CRITERIA as readonly string[]).includes(text) ||
    others.some(({ route }) => route === text);
  if (!taken(name)) return name;
  const short = name.replace(/[^A-Za-z0-9_]/g, '').slice(0, 20);
  for (let number = 1; ; number++) if (!taken(`${short}-${number}`)) return `${short}-${number}`;
}

function noteShared(section: Options, { route, device, check: first }: Uplink, check: Check | null): void {
  section.noteAll(
    'unused',
    `Part of route ${route}, as it has the same device (${device}); each family is judged by its own targets.`,
  );
  const paceOf = ({ intervalSeconds, timeoutSeconds, fail, recover }: Check): string =>
    [intervalSeconds, timeoutSeconds, fail, recover].join();
  if (first !== null && check !== null && paceOf(first) !== paceOf(check))
    section.note('differs', 'interval', `A route has one interval, timeout, fail and recover: those above.`);
}

function bothChecks(first: Check | null, second: Check | null): Check | null {
  if (first === null || second === null) return first ?? second;
  const targets = [...new Set([...first.targets, ...second.targets])].slice(0, MAX_TARGETS);
  return { ...first, targets };
}

const SSL_PORT = 443;
const HTTP_PORT = 80;

/** How each method of mwan3 is asked here; null: nothing of ours does. */
function targetOf(method: string, ssl: boolean, address: string): string | null {
  const place = address.includes(':') ? `[${address}]` : address;
  if (method === 'httping') return ssl ? `tcp ${place}:${SSL_PORT}` : `http://${place}/`;
  if (method === 'nping-tcp') return `tcp ${place}:${HTTP_PORT}`;
  return method === 'ping' || method === 'nping-icmp' ? `ping ${address}` : null;
}

const COUNTS = { from: 1, to: 100 } as const;
const SECONDS = { from: 1, to: 3600 } as const;

function readCheck(section: Options): Check | null {
  const addresses = [...new Set(section.list('track_ip'))];
  const method = section.text('track_method') ?? 'ping';
  const ssl = section.flag('httping_ssl', false);
  const times = {
    intervalSeconds: section.number('interval', 10, SECONDS),
    timeoutSeconds: section.number('timeout', 4, SECONDS),
    fail: section.number('down', 5, COUNTS),
    recover: section.number('up', 5, COUNTS),
  };
  const reliability = section.number('reliability', 1, COUNTS);
  noteQuestions(section, reliability, addresses.length);
  if (addresses.length === 0) return null;
  if (targetOf(method, ssl, '192.0.2.1') === null) {
    section.note('lost', 'track_method', 'Nothing of Pathrace asks in this way. Pings are sent instead.');
  } else if (method === 'httping' && ssl) {
    section.note('differs', 'httping_ssl', 'A TCP connection to port 443 is made, without TLS.');
  }
  const targets: string[] = []; // BOUNDED: MAX_TARGETS.
  for (const address of addresses) {
    const target = targetOf(method, ssl, address) ?? `ping ${address}`;
    const read = parseTargets(target);
    if (!('value' in read))
      section.note('lost', 'track_ip', `${address.slice(0, 40)}: ${read.problems[0].message}`);
    else if (targets.length >= MAX_TARGETS)
      section.note('lost', 'track_ip', `At most ${MAX_TARGETS} are asked.`);
    else if (!targets.includes(target)) targets.push(target);
  }
  if (targets.length === 0) return null;
  if (times.timeoutSeconds > times.intervalSeconds)
    section.note('differs', 'timeout', 'An answer is waited for until the next round at most.');
  return { targets, ...times, timeoutSeconds: Math.min(times.timeoutSeconds, times.intervalSeconds) };
}

function noteQuestions(section: Options, reliability: number, targets: number): void {
  if (reliability > 1)
    section.note('differs', 'reliability', 'One answer of any target proves for a round that a route works.');
  if (reliability > targets && targets > 0)
    section.note('unused', 'reliability', 'More than it has targets: mwan3 never has it online.');
  if (section.number('count', 1, COUNTS) !== 1)
    section.note('differs', 'count', 'A target is asked once a round.');
  const sameSize = (section.text('size') ?? '56') === '56';
  if (!sameSize)
    section.note(
      'lost',
      'size',
      'Pings have a size of their own; `mtu: auto` looks for packets that vanish.',
    );
  if ((section.text('max_ttl') ?? '60') !== '60')
    section.note('lost', 'max_ttl', 'Not needed: pings have the TTL of the kernel.');
  if (section.flag('check_quality', false))
    section.note(
      'lost',
      'check_quality',
      'No route is down for its latency or losses: use `race` or `fastest-probe`, which leave a slow one by themselves.',
    );
  for (const option of ['failure_latency', 'recovery_latency', 'failure_loss', 'recovery_loss'])
    if (section.text(option) !== undefined) section.note('unused', option, 'Belongs to check_quality.');
  for (const option of ['failure_interval', 'recovery_interval'])
    if (section.text(option) !== undefined && section.text(option) !== section.text('interval'))
      section.note('differs', option, 'Rounds are `interval` apart whatever the last one said.');
  if (section.flag('keep_failure_interval', false))
    section.note(
      'differs',
      'keep_failure_interval',
      'Rounds are `interval` apart whatever the last one said.',
    );
}

/** What belongs to the life of an interface. */
function noteHabits(section: Options): void {
  const flush = section.list('flush_conntrack');
  if (flush.length > 0)
    section.note(
      'differs',
      'flush_conntrack',
      'Only the connections of a route that is down are reset, not all (`onDown`); when it returns nothing is cut (`failback`).',
    );
  if (section.text('initial_state') === 'offline')
    section.note(
      'differs',
      'initial_state',
      'A route is used from the start, until its checks or its traffic say that it is down.',
    );
  if (section.text('online_metric') !== undefined)
    section.note(
      'unused',
      'online_metric',
      'Connections of the gateway itself are distributed (`local` in `lan`).',
    );
}
