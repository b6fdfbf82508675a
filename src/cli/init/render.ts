/** The file itself: YAML with comments for whoever goes on with it. */
import type { Proposal, ProposedRoute, UplinkKind } from './machine.js';

/** The text of a configuration. */
export function renderConfig({ routes, lan, notes }: Proposal): string {
  return [
    '# The gateway of this machine, begun by `pathrace init`. After a change: `pathrace check`, then `systemctl reload pathrace`.\n',
    '# All keys with their defaults: docs/configuration.md (a package has it in /usr/share/doc/pathrace).\n',
    notes.length === 0 ? '' : `#\n${notes.map((note) => `# NOTE: ${note}\n`).join('')}`,
    '\n# Interfaces of the hosts whose connections are distributed; `local` is what this machine itself opens.\n',
    `lan: [${(lan.length === 0 ? ['local'] : lan).map(scalar).join(', ')}]\n`,
    '\n# The providers, the preferred one first. Addresses and next hops are those that the kernel has, and followed when they change.\n',
    `routes:\n${routes.map(renderRoute).join('')}`,
    '\n# The first that matches takes a new connection.\n',
    'services:\n',
    `${EXAMPLES.map((line) => `  # ${line}\n`).join('')}`,
    '  - { name: everything, match: any, select: race }\n',
    '\n# What no service takes, and what a race would have decided should the daemon fail.\n',
    `rest: { route: ${scalar(routes[0].name)} }\n`,
  ].join('');
}

const EXAMPLES = [
  '- { name: bank, match: { tcp: 443, domain: bank.example }, select: race, affinity: client+site }',
  '- { name: backup, match: { tcp: 873, time: 22:00-06:00 }, select: cheapest }',
];

function renderRoute(route: ProposedRoute): string {
  const { name, kind, own, found, isPlaceholder, cost } = route;
  const optional = isPlaceholder ? 'until it is there, nobody needs to be told' : OPTIONAL[kind];
  const lines = [
    [`interface: ${scalar(route.interface)}`, found.join('; ')],
    ...(own === null
      ? []
      : [[`gateway: ${scalar(own.gateway)}`], [`addresses: [${own.addresses.map(scalar).join(', ')}]`]]),
    ...(optional === undefined ? [] : [['optional: true', optional]]),
    ...(cost === null ? [] : [[`cost: ${cost}/GB`]]),
    ...(HINTS[kind] ?? [])
      .filter((hint) => cost === null || !hint.startsWith('# cost:'))
      .map((hint) => [hint]),
  ];
  return `  ${scalar(name)}:\n${lines.map(([text, comment]) => `    ${text}${comment === undefined ? '' : `   # ${comment}`}\n`).join('')}`;
}

const OPTIONAL: Readonly<Partial<Record<UplinkKind, string>>> = {
  modem: 'it may be gone without an alarm',
  usb: 'it may be gone without an alarm',
};

const PAID = [
  '# cost: 8/GB                             # in any unit of money: `select: cheapest` and races then know it',
  '# quota: { volume: 50GB, day: 12 }       # a volume, and the day on which it begins anew',
  '# use: last-resort                       # only while no other route can be used',
] as const;
const HINTS: Readonly<Partial<Record<UplinkKind, readonly string[]>>> = { modem: PAID, usb: PAID };

/** Plain where YAML reads nothing else in it than a text. */
function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain || /^[0-9]+(\.[0-9]+){3}$/.test(text) ? text : JSON.stringify(text);
}
