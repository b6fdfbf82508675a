/** The page that says what each protocol is raced by: docs/protocols.md, made from the list. */
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

export function protocolsPage(): string {
  const sections = PROTOCOLS.map(({ name, words }) => {
    const rows = ROWS.map(([key, title]) => `| ${title} | ${words[key]} |`);
    return [`## ${name}`, '', '| | |', '|---|---|', ...rows, ''].join('\n');
  });
  return `${[
    '# Protocols that are raced',
    '',
    'Made from `src/core/protocols/` by `npm run docs`. Whatever is not here is never copied: a criterion chooses its route.',
    '',
    ...sections,
  ].join('\n')}`;
}
