/** Every field of every document that `--json` prints: the one table that docs/json.md is made of, and that a test compares with real documents. */

/** Path of a field and what it says. `[]`: of each item; `*`: of each name. A path that ends so has one value for each. */
export type Fields = readonly (readonly [path: string, meaning: string])[];

const ENVELOPE: Fields = [
  [
    'format',
    'Version of these documents, now 1. It goes up when a field changes its meaning or goes, not when one is added.',
  ],
  ['ok', 'Whether the command ends with 0.'],
];

/** Instead of the fields of a command, when it could not do what it was told to. */
export const ERROR_FIELDS: Fields = [
  ...ENVELOPE,
  ['error.code', 'One of docs/errors.md; it keeps its meaning for ever.'],
  ['error.message', 'What happened, in words.'],
  ['error.remedy', 'What to do about it.'],
  ['error.found', 'What was found; absent where that says nothing.'],
  ['error.expected', 'What would have been right; absent where that says nothing.'],
  ['error.file', 'Of `E_CONFIG_INVALID`: the file.'],
  ['error.problems[].line', 'Of `E_CONFIG_INVALID`: where each mistake is, from 1.'],
  ['error.problems[].column', 'From 1, in characters.'],
  ['error.problems[].key', 'Path of the key, such as `routes.a.addresses[1]`; empty: the file as a whole.'],
  ['error.problems[].found', 'What is written there, shortened.'],
  ['error.problems[].expected', 'What is allowed there.'],
  ['error.problems[].message', 'What is wrong.'],
  ['verdict', 'Of `status --check` alone: `down` or `unknown`.'],
];

const ROUTE: Fields = [
  ['name', 'Name of the route.'],
  ['state', '`up`, `suspect` (races may use it, nothing else does), `down`, `draining`, `disabled`.'],
  ['reasons[]', 'Why, in the words of the table of reasons below; a family first where only that is meant.'],
  ['since', 'Since when it is in this state. ISO 8601, UTC.'],
  ['interface', 'Its network interface.'],
  ['addresses[]', 'Source addresses of its connections now.'],
  ['gateways[]', 'Its next hops.'],
  ['attempts', 'Copies of first packets that were sent by it, since the gateway started.'],
  ['wins', 'Races that it has won, since the start.'],
  ['losses', 'Answers that came after another route had won, and refusals, since the start.'],
  ['connections', 'Living connections that it carries now.'],
  ['traffic.in', 'Bits per second from the provider, of the last second.'],
  ['traffic.out', 'Bits per second to the provider, of the last second.'],
  ['quota.used', 'Bytes of this month, both directions.'],
  ['quota.bytes', 'Bytes that it may have in a month; null: no quota.'],
  ['rescues', 'Connections that it left unanswered and another route took over, since the start.'],
  ['check.ok', 'Whether its own checks succeed; no `check` without any.'],
  ['check.rttMicros', 'Microseconds that the last answer took; null: there is none.'],
  ['check.lastOk', 'When one succeeded last. ISO 8601, UTC; null: never.'],
  ['pathMtu.ipv4', 'Bytes of the largest IPv4 packet that passes, where that is less than the interface’s.'],
  ['pathMtu.ipv6', 'The same for IPv6.'],
  ['portUse', 'Share of the ports in use towards the server that has most; 1 is all of them.'],
];

const DECISION: Fields = [
  ['time', 'When it was decided; with `by: kernel`, when it was looked at. ISO 8601, UTC.'],
  [
    'by',
    '`race`: copies. `daemon`: without copies. `kernel`: by the kernel alone, or longer ago than is remembered.',
  ],
  ['protocol', '`tcp`, `udp`, `icmp`, `icmpv6`, or a number.'],
  ['service', 'The service that took it; null: none.'],
  ['open', 'true: it is open now; else absent.'],
  ['client', 'Address and port of the client.'],
  ['destination', 'Address and port of the destination.'],
  ['route', 'The route that carries it; null: none could.'],
  ['criterion', 'How its service chooses, or `single` where it could not.'],
  ['reasons[]', 'Why, in the words of the table of decisions below.'],
  ['routes[].route', 'A route that was asked.'],
  [
    'routes[].answer',
    '`syn-ack`, `rst`, of datagrams `answer`, `no`; `icmp TYPE/CODE`, `icmpv6 TYPE/CODE`, `silence`, `not-sent`, `failed`, `waited` (its turn did not come).',
  ],
  [
    'routes[].rttMicros',
    'Microseconds from its copy to its answer; absent: there was none, or it cannot be told.',
  ],
  [
    'routes[].sentMicros',
    'When its copy left, or was to leave, from the begin of the race; negative: the kernel had given it the connection before.',
  ],
  ['routes[].answeredMicros', 'When its yes came, from the begin of the race; absent: none did.'],
  ['routes[].copies', 'Copies that left, where there was more than one.'],
  ['routes[].trial', 'true: it was only measured, and could not win; else absent.'],
  [
    'routes[].intercepted',
    'true: as far as can be told its answer came from something on the way (a provider’s proxy), not from the server; else absent.',
  ],
  ['fastPath', 'true: its packets pass by the rules now, in a flowtable; else absent.'],
  ['id', 'Number of the decision, from the start of the race thread; absent where nobody has noted it.'],
  ['states.*', 'State of each route at that time.'],
  ['memory.route', 'The route that memory chose; no `memory` where it did not decide.'],
  ['memory.ageSeconds', 'How old the measurement was then.'],
  ['lead.over', 'The next fastest route; no `lead` where no other has answered.'],
  ['lead.micros', 'By how much earlier than it the winner has answered.'],
  ['pin.route', 'The route that holds the next connections of this kind; no `pin` where none does.'],
  ['pin.until', 'Until when; of a group or tunnel, unless it is used again. ISO 8601, UTC; null: not known.'],
  [
    'pin.by',
    '`command`: the destination is held. `group`: connections that stay together. `tunnel`: IKE, ESP, AH, GRE and PPTP between the two. `control`: what a call, a stream or a transfer has announced.',
  ],
  ['pin.group', 'Of `group`: what makes it.'],
  ['passed[].service', 'A service before it that did not match.'],
  ['passed[].why', 'Why not, in words.'],
];

const MEMORY: Fields = [
  ['destination', 'Address, or prefix where several addresses make one destination.'],
  [
    'of',
    'What took these times: `connections`, `quic`, `dns`, `datagrams`, `first-payloads`. Each has entries of its own.',
  ],
  [
    'routes.*.rttMicros',
    'Microseconds that the route took; null: there was no answer, or it cannot be told.',
  ],
  ['routes.*.ageSeconds', 'How long ago that was.'],
  ['routes.*.answer', '`answered`, `retransmitted`, `slow`, `intercepted`, `failed`, `silent`.'],
  ['best', 'The route that memory would choose; null: none has answered.'],
  [
    'trusted',
    'Whether a new connection would go by it now, without a race: enough routes were heard of, lately enough.',
  ],
];

const CHANGE: Fields = [
  ['key', 'Path of a key of the configuration.'],
  ['before', 'What runs; null: nothing.'],
  ['after', 'What the file says; null: nothing.'],
  ['apply', '`live`: a reload takes it over; `restart`: only the next start does.'],
];

/** Of `check` as of `reload`. */
const EFFECT: Fields = [
  ['route', 'The route that carries the connections until now; null: it concerns no single route.'],
  ['becomes', 'The route that goes on for it, by its new name; null: none, or no single one.'],
  ['connections', 'How many there are; null where it concerns no single route.'],
  [
    'fate',
    '`stay`, `cut`, or `cut-without-address`: those that have an address which the route has no more.',
  ],
  ['text', 'The same in words.'],
];

const PLAN: Fields = [
  [
    'kind',
    '`race`, `memory`, `turns`, `hash`, `one`, `daemon`, `rest`, `none`: what becomes of the next connection of the family.',
  ],
  ['routes.*', 'Where the kernel chooses by itself: the share of each route, 0 to 1.'],
];

/** What each command prints besides the envelope. */
export const FIELDS: Readonly<Record<string, Fields>> = {
  status: [
    ...ENVELOPE,
    ['version', 'Version of the gateway.'],
    ['configuration.file', 'The configuration file in use.'],
    ['configuration.readAt', 'When it was read last. ISO 8601, UTC.'],
    [
      'configuration.state',
      '`same`: what it says runs; `changed`: it has changed since it was read; `waiting`: some of it waits for a restart; `applying`: it was read and is being applied, all that is shown is what is in force until then; `failed`: it was read and could not be applied, it is tried again; `gone`: it cannot be read.',
    ],
    ['configuration.differences', 'Keys by which what was read differs from what is in force.'],
    ['alarms[]', 'What somebody should look at, in words; empty when all is well.'],
    ['memory.destinations', 'Destinations of which something is remembered.'],
    [
      'memory.trusted',
      'Those of which enough is known, lately enough, for new connections to go by it without a race.',
    ],
    ['memory.inKernel', 'Those that the kernel decides by itself.'],
    ['memory.size', 'The most that are remembered.'],
    ['memory.evicted', 'Destinations that gave way to others, since the start.'],
    [
      'memory.rescues',
      'Connections that a remembered route left unanswered and another took over, since the start.',
    ],
    ['uptimeSeconds', 'Since when the gateway runs.'],
    ...below('routes[].', ROUTE),
    ['races.started', 'Races since the start.'],
    ['races.decided', 'Those that gave a connection a route.'],
    ['races.failed', 'Those in which no route said yes.'],
    ['races.active', 'Those that are not over.'],
    [
      'races.single.*',
      'New connections that went by one route without a race, by reason: the table of decisions below.',
    ],
    [
      'calls.*.started',
      'Calls of `sip` and `h323`, streams of `rtsp`, whose set-up was seen, since the start.',
    ],
    ['calls.*.ended', 'Those that are over.'],
    ['calls.*.active', 'Those that are not.'],
    ['notes[]', 'What is right in some networks and a mistake in others, in words.'],
    ['cutting.cut', 'Connections cut since the start, by commands and since their route is gone.'],
    ['cutting.left', 'Connections that are being cut and are still there.'],
    ['fastPath.wanted', '`off` or `auto`, as configured.'],
    ['fastPath.state', '`off`, `on`, or `unavailable`.'],
    ['fastPath.why', 'What the kernel said; null unless it is unavailable.'],
    ['packets.dropped.*', 'Packets that were dropped, by reason: the table below.'],
    ['packets.ignored.*', 'Packets that changed nothing, by reason: the table below.'],
    ['packets.queue.*', 'What the queues to the daemon carried: the table below.'],
  ],
  'status --check': [
    ...ENVELOPE,
    [
      'verdict',
      '`ok`, `alarm` or `down`: exit codes 0, 1, 2. With an `error` instead: `down` (2) or `unknown` (3).',
    ],
    ['alarms[]', 'As in `status`.'],
  ],
  routes: [...ENVELOPE, ...below('routes[].', ROUTE)],
  services: [
    ...ENVELOPE,
    ...below('services[].', [
      ['name', 'Name of the service.'],
      ['match', 'What it matches, as the file says it.'],
      ['select', 'How it chooses.'],
      ['affinity', 'Which connections stay together.'],
      ['active', 'Whether its time is now.'],
      ...below('plan.ipv4.', PLAN),
      ...below('plan.ipv6.', PLAN),
      ['hits', 'First packets of new connections that it took, since its rules are in the kernel.'],
    ]),
  ],
  top: [
    ...ENVELOPE,
    ['time', 'When it was looked at. ISO 8601, UTC. A document a line, one for each look.'],
    ['uptimeSeconds', 'As in `status`.'],
    ['alarms[]', 'As in `status`.'],
    ['racesPerSecond', 'Races begun in each second since the look before; null: there was none.'],
    ['singlePerSecond', 'New connections that the daemon has sent by one route without a race, likewise.'],
    ...below('routes[].', [
      ['name', 'Name of the route.'],
      ['state', 'As in `status`.'],
      ['connections', 'Living connections that it carries now.'],
      ['traffic.in', 'Bits per second from the provider, of the last second.'],
      ['traffic.out', 'Bits per second to the provider, of the last second.'],
      [
        'copiesPerSecond',
        'Copies that left by it in each second since the look before; null: there was none.',
      ],
      ['winsPerSecond', 'Races that it won, likewise.'],
      ['share', 'Of all races won since the look before, 0 to 1; null: there were none.'],
    ]),
    ...below('decisions[].', DECISION),
  ],
  why: [...ENVELOPE, ...below('decisions[].', DECISION)],
  'why --what-if': [
    ...ENVELOPE,
    ['time', 'The moment of which it holds. ISO 8601, UTC.'],
    ['client', 'Address of the client.'],
    ['destination', 'The address or name that was asked about.'],
    ['port', 'Port of the destination; null: none was said.'],
    ['protocol', '`tcp`, `udp`, `gre`, `esp` or `ah`.'],
    ['dscp', 'DSCP of its packets; 0 unless it was said.'],
    ['isName', 'Whether it is a name that was looked up.'],
    ...below('outcomes[].', [
      ['destination', 'Address, and port where one was said.'],
      ['service', 'The service that would take it; null: none.'],
      ['passed[].service', 'A service before it that does not match.'],
      ['passed[].why', 'Why not, in words.'],
      ['criterion', 'How the service chooses, `rest`, or `none`.'],
      ['by', '`kernel`, `daemon`, `race`, `main-table`: who decides.'],
      [
        'action',
        '`race`, `memory`, `pin`, `group`, `tunnel`, `follow`, `turns`, `hash`, `one`, `criterion`, `rest`, `single`, `refused`, `not-ours`: docs/api.md.',
      ],
      ['route', 'The route that would carry it; null: only a race or the turn will tell.'],
      ['reasons[]', 'Why, in the words of the table of decisions below.'],
      ['text', 'The same as a sentence.'],
      ['routes[].route', 'A route of the service.'],
      ['routes[].state', 'Its state for this family.'],
      ['routes[].part', '`carries`, `may-carry`, `races`, `waits`, `measured`, `left-out`.'],
      ['routes[].why', 'Why, in words.'],
      ['routes[].afterMicros', 'Of `waits`: when its copy would leave.'],
      ['routes[].share', 'Of turns: its share of new connections.'],
      ...below('memory.', MEMORY),
      ['pin.route', 'The route that holds it; `pin` is null where none does.'],
      [
        'pin.until',
        'Until when; of a group or tunnel, unless it is used again. ISO 8601, UTC; null: not known.',
      ],
      ['pin.by', '`command`, `group`, `tunnel` or `control`.'],
      ['pin.group', 'Of `group`: what makes it.'],
      ['mayMeasure', 'true: now and then it is raced all the same, to measure; else absent.'],
      ['notes[]', 'What could not be taken into account, in words.'],
    ]),
  ],
  'token add': [
    ...ENVELOPE,
    ['name', 'Whose it is.'],
    ['role', '`read` or `operate`.'],
    ['token', 'The token: it is told this once.'],
  ],
  'token list': [...ENVELOPE, ['tokens[].name', 'Whose it is.'], ['tokens[].role', '`read` or `operate`.']],
  'token remove': [...ENVELOPE, ['removed', 'Whose it was.']],
  memory: [...ENVELOPE, ...below('destinations[].', MEMORY)],
  'drain, undrain, kill, disable, enable': [
    ...ENVELOPE,
    ['route', 'The route.'],
    ['state', 'Its state after the command.'],
    ['cut', 'Connections that were cut by now.'],
    ['left', 'Connections that are still to be cut; absent when there are none.'],
  ],
  reload: [
    ...ENVELOPE,
    ['applied', 'Whether anything was taken over.'],
    ['left', 'Connections that are still to be cut; absent when there are none.'],
    ...below('changes[].', CHANGE),
    ...below('effects[].', EFFECT),
  ],
  init: [
    ...ENVELOPE,
    ['file', 'Where it was written; null: nowhere, it is `text` alone.'],
    ['text', 'The configuration, YAML.'],
    ['lan[]', 'Its `lan`.'],
    ['routes[].name', 'Name of a route.'],
    ['routes[].interface', 'Its network interface.'],
    ['routes[].kind', '`wired`, `wifi`, `modem`, `usb`, `ppp`, `tunnel`.'],
    ['routes[].found[]', 'Addresses and next hops that it has now, in words.'],
    ['routes[].placeholder', 'true: it stands for a provider that is not there yet.'],
    ['notes[]', 'What somebody should know before it is used, in words.'],
    ['next[]', 'What to do next, in words and commands.'],
  ],
  check: [
    ...ENVELOPE,
    ['file', 'The file.'],
    ['notes[]', 'As in `status`.'],
    [
      'config',
      'The configuration with all defaults, as the gateway uses it; its keys are those of docs/configuration.md.',
    ],
    ...below('changes[].', CHANGE),
    ...below('effects[].', EFFECT),
  ],
  convert: [
    ...ENVELOPE,
    ['file', 'The file that was converted.'],
    ['configuration', 'The configuration, as the text of a file.'],
    ['notes[].line', 'Line of the file, from 1, that is not carried over as it is.'],
    ['notes[].section', 'Its section.'],
    ['notes[].found', 'What is written there, shortened.'],
    [
      'notes[].effect',
      '`lost`: it did something, and nothing does it now. `differs`: something else does it, in another way. `unused`: it did nothing, or nothing is needed in its place.',
    ],
    ['notes[].instead', 'What to do, or what is so now.'],
    ['counts.lost', 'How many notes are `lost`.'],
    ['counts.differs', 'How many are `differs`.'],
    ['counts.unused', 'How many are `unused`.'],
  ],
  doctor: [
    ...ENVELOPE,
    ['probes[].name', 'What was looked at.'],
    ['probes[].ok', 'Whether it is as it should be.'],
    [
      'probes[].severity',
      '`required`: no gateway without it; `recommended`; `info`: the gateway sees to it.',
    ],
    ['probes[].found', 'What was found.'],
    ['probes[].expected', 'What should be.'],
    ['probes[].remedy', 'What to do.'],
  ],
  cleanup: [
    ...ENVELOPE,
    ['removed[]', 'What was removed.'],
    ['restored[]', 'Settings (sysctls) that have their old value again.'],
    ['left[]', 'What could not be, with the words of the tool that failed.'],
  ],
};

function below(place: string, fields: Fields): Fields {
  return fields.map(([path, meaning]) => [place + path, meaning]);
}
