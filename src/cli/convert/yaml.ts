/** The converted configuration as a file, with what was not carried over in its comments. */

import type { Converted } from './mwan3/convert.js';
import type { Uplink } from './mwan3/interfaces.js';
import type { Service } from './mwan3/rules.js';
import { type Note, shown } from './notes.js';

/** The rest is on standard error: a file has 256 KiB at most. */
const MOST_COMMENTS = 200;

export function renderYaml(converted: Converted, file: string): string {
  const { lan, uplinks, services, rest, notes } = converted;
  return [
    `# Made of ${shown(file)} by \`pathrace convert mwan3\`. Read it through before you use it: pathrace check says what is`,
    '# wrong with it, pathrace doctor what the machine lacks.',
    ...comments(notes),
    '',
    `lan: ${list(lan)}`,
    'routes:',
    ...uplinks.map((uplink) => `  ${scalar(uplink.route)}: ${route(uplink, converted)}`),
    'services: # in the order of the rules; the first that matches wins',
    ...services.map((service) => `  - ${serviceText(service)} # line ${service.line}`),
    ...(services.length === 0 ? ['  []'] : []),
    `rest: { route: ${scalar(rest)} } # what no rule takes goes by the main table's default`,
    '',
  ].join('\n');
}

/** `line 12, rule https: src_port 1024 (lost). The rule ...` */
export function noteLine({ line, section, found, effect, instead }: Note): string {
  return `line ${line}, ${section}: ${found} (${effect}). ${instead}`;
}

function comments(notes: readonly Note[]): string[] {
  const told = notes.filter(({ effect }) => effect !== 'unused');
  if (told.length === 0) return ['# Everything is carried over.'];
  const shownNotes = told.slice(0, MOST_COMMENTS).map((note) => `#   ${noteLine(note)}`);
  const more = told.length > MOST_COMMENTS ? [`#   and ${told.length - MOST_COMMENTS} more`] : [];
  return [
    '#',
    '# Not carried over (lost), or in another way (differs), by the lines of that file:',
    ...shownNotes,
    ...more,
  ];
}

function route({ route: name, device, check }: Uplink, { weights, lastResorts }: Converted): string {
  const weight = weights.get(name) ?? 1;
  const fields = [
    `interface: ${scalar(device)}`,
    ...(weight === 1 ? [] : [`weight: ${weight}`]),
    ...(lastResorts.has(name) ? ['use: last-resort'] : []),
    ...(check === null
      ? []
      : [
          `check: { targets: ${list(check.targets)}, interval: ${check.intervalSeconds}s, timeout: ${check.timeoutSeconds}s, fail: ${check.fail}, recover: ${check.recover} }`,
        ]),
  ];
  return `{ ${fields.join(', ')} }`;
}

function serviceText({ name, match, family, select, stickySeconds }: Service): string {
  const anyOf = family === null || match.saysFamily ? [] : [family === 'ipv4' ? '0.0.0.0/0' : '::/0'];
  const destination = [...match.destination, ...anyOf];
  const keys = [
    ...(match.ports === null
      ? []
      : [`${match.protocol}: ${match.ports[0] === 'any' ? 'any' : ports(match.ports)}`]),
    ...(match.ports !== null || match.protocol === null ? [] : [`protocol: ${protocol(match.protocol)}`]),
    ...(match.source.length === 0 ? [] : [`source: ${list(match.source)}`]),
    ...(destination.length === 0 ? [] : [`destination: ${list(destination)}`]),
    ...(match.interface === null ? [] : [`interface: ${scalar(match.interface)}`]),
  ];
  const isPlain = select === null || select.criterion === 'fixed';
  const affinity = stickySeconds === null ? 'none' : `{ by: client, for: ${stickySeconds}s }`;
  return `{ name: ${scalar(name)}, match: ${keys.length === 0 ? 'any' : `{ ${keys.join(', ')} }`}, select: ${
    select === null
      ? 'rest'
      : select.criterion === 'fixed'
        ? scalar(select.routes[0])
        : `{ criterion: ${select.criterion}, routes: ${list(select.routes)} }`
  }${isPlain ? '' : `, affinity: ${affinity}`} }`;
}

function ports(items: readonly string[]): string {
  return `[${items.map((item) => (/^\d+$/.test(item) ? item : `"${item}"`)).join(', ')}]`;
}

function protocol(word: string): string {
  return /^\d+$/.test(word) ? String(Number(word)) : scalar(word);
}

function list(items: readonly string[]): string {
  return `[${items.map(scalar).join(', ')}]`;
}

/** As it is where YAML takes it for a text, else in quotes; everything here is plain ASCII. */
function scalar(text: string): string {
  const isWord =
    /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i.test(text);
  return isWord || /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(text) ? text : JSON.stringify(text);
}
