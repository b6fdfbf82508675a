/** The page that says what each protocol is raced by: docs/protocols.md, made from the list. */
import { FOLLOWED_WORDS, type FollowedWords } from './followed.js';
import { PROTOCOLS } from './index.js';
import type { ProtocolWords } from './protocol.js';

const ROWS: readonly (readonly [keyof ProtocolWords, string])[] = [
  ['starts', 'what starts it'],
  ['copied', 'what is copied'],
  ['wins', 'what wins'],
  ['waits', 'what waits for the others'],
  ['loses', 'how a loser is told'],
  ['ends', 'what ends it'],
  ['follows', 'what follows it'],
];

/** Where it is seen at work: files of `test/lab`, and of `test/sim` where that is in the name. */
export const SHOWN_BY: Readonly<Record<string, readonly string[]>> = {
  tcp: [
    'gateway-race',
    'gateway-repeats',
    'gateway-mid-race',
    'gateway-payload',
    'gateway-local',
    'conformance',
    'sim/lost-packet-matrix',
    'sim/negative-matrix',
    'sim/opening-matrix',
  ],
  dns: ['gateway-datagrams', 'gateway-resolvers', 'sim/datagram-matrix'],
  ntp: ['gateway-datagrams'],
  stun: ['gateway-datagrams'],
  quic: ['gateway-datagrams', 'sim/datagram-matrix'],
  sip: ['gateway-sip'],
  udp: ['gateway-polite', 'gateway-services', 'gateway-affinity'],
  socket: [],
  h323: ['gateway-h323'],
  rtsp: ['gateway-streams'],
  ftp: ['gateway-files'],
  tftp: ['gateway-files'],
  tunnels: ['gateway-tunnels'],
};

export function protocolsPage(): string {
  return `${[
    '# Protocols that are raced',
    '',
    'Made from `src/core/protocols/` by `npm run docs`. Whatever is not here is never copied: a criterion chooses its route.',
    '',
    ...PROTOCOLS.map(section),
    '# What follows and is never copied',
    '',
    'It goes by the route of what it belongs to. [Calls and streams](guide/calls.md) has the keys.',
    '',
    ...FOLLOWED_WORDS.map(section),
  ].join('\n')}`;
}

function section({ name, words }: FollowedWords): string {
  const rows = ROWS.map(([key, title]) => `| ${title} | ${words[key]} |`);
  const tests = (SHOWN_BY[name] ?? []).map((test) => `\`${test}\``).join(', ');
  const shown = tests === '' ? [] : [`| tests that show it | ${tests} |`];
  return [`## ${name}`, '', '| | |', '|---|---|', ...rows, ...shown, ''].join('\n');
}
