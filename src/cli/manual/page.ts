/** The manual page pathrace(8): commands and options read off the parser, so that it cannot fall behind it, and what is around them. */
import type { Command } from 'commander';
import { DEFAULT_CONTROL_PATH } from '../../model/config.js';
import { DEFAULT_CONFIG_FILE } from '../defaults.js';
import { EXIT } from '../io.js';
import { CHECK_EXIT } from '../status-check.js';
import { roffExample, roffLine, roffParagraph, roffTerm } from './roff.js';

/** What the header and footer say; `date` as YYYY-MM-DD. */
export interface ManualEdition {
  readonly version: string;
  readonly date: string;
}

/** The page in man(7). */
export function manualPage(program: Command, { version, date }: ManualEdition): string {
  return [
    `.TH PATHRACE 8 ${date} "pathrace ${version}" "System administration"\n`,
    section('NAME', 'pathrace - multi-uplink gateway that races every new connection\n'),
    section(
      'SYNOPSIS',
      roffParagraph('`pathrace` COMMAND [OPTIONS]'),
      roffParagraph('`pathrace` COMMAND `--help`'),
    ),
    section('DESCRIPTION', ...DESCRIPTION.map(roffParagraph)),
    section('COMMANDS', ...program.commands.map(commandPart)),
    section('EXIT STATUS', ...EXITS.map(([code, meaning]) => roffTerm(code, meaning))),
    section('SIGNALS', roffParagraph('Of `pathrace gateway`:'), ...terms(SIGNALS)),
    section('ENVIRONMENT', ...terms(ENVIRONMENT)),
    section('FILES', ...terms(FILES)),
    section('EXAMPLES', ...EXAMPLES.flatMap(([text, lines]) => [roffParagraph(text), roffExample(lines)])),
    section('SEE ALSO', SEE_ALSO),
  ].join('');
}

const DESCRIPTION = [
  'Pathrace is a gateway for a site with several Internet providers. It sends the first packet of a new connection over all of them at once, and the provider whose answer comes first carries the connection; the others are reset. What it has measured decides the next connections, in the kernel. It can choose by turns, weight, load, cost, order or quota instead. Established traffic never leaves the kernel.',
  'It is one program: `gateway` runs the gateway, usually by systemd(1) as `pathrace.service`; all other commands prepare its configuration or ask the gateway that runs.',
  'It adds one nft table (`inet pathrace`), IP rules and routes of protocol 82 and a few sysctls, and removes them when it ends. It is not a firewall: other rules stay in force.',
];

const EXITS = [
  [String(EXIT.ok), 'The command did what it was told to.'],
  [
    String(EXIT.failed),
    'It failed; one line on standard error has a code such as `E_CONFIG_INVALID`, what was found and the remedy. `check` found mistakes, `doctor` found that no gateway can run here, `status` that none runs.',
  ],
  [String(EXIT.usage), 'It was called wrongly: an unknown command or option, a value that is not allowed.'],
  [
    `${CHECK_EXIT.ok}, ${CHECK_EXIT.alarm}, ${CHECK_EXIT.down}, ${CHECK_EXIT.unknown}`,
    'Of `status --check` alone, as plugins of monitoring systems have them: well, alarm, down, unknown.',
  ],
] as const;

const SIGNALS: Terms = [
  [
    'SIGTERM, SIGINT',
    'Ends the gateway. Everything of it is removed from the kernel; connections that it has translated end.',
  ],
  [
    'SIGQUIT',
    'Ends the gateway for a restart. The kernel keeps its state, so that connections live on; this is what `systemctl restart` sends.',
  ],
  [
    'SIGHUP',
    'Reads the configuration again, as `pathrace reload` does. A file with mistakes changes nothing.',
  ],
  ['SIGUSR1, SIGUSR2, SIGPIPE and others that would end a process', 'Mean nothing.'],
];

const ENVIRONMENT: Terms = [
  ['PATHRACE_CONFIG', `The configuration file where a command names none; else ${DEFAULT_CONFIG_FILE}.`],
  ['PATHRACE_CONTROL', `The control socket where \`--control\` names none; else ${DEFAULT_CONTROL_PATH}.`],
  ['PATHRACE_DEBUG', 'With 1, an error shows where in the program it came from.'],
  [
    'PATHRACE_REHEARSAL',
    'With no, a gateway is ready some tenths of a second earlier, and its first connections wait for code to be compiled.',
  ],
  ['NO_COLOR', 'Set to anything, no colours are used; they are used on terminals only.'],
];

const FILES: Terms = [
  [
    DEFAULT_CONFIG_FILE,
    'The configuration, YAML. The gateway does not start without one. `pathrace init` writes one for this machine; it is never changed by an upgrade.',
  ],
  [DEFAULT_CONTROL_PATH, 'The control socket that all commands ask; the key `control` names another.'],
  [
    '/var/lib/pathrace/',
    'What is kept over a restart: measured times, commands such as `drain`, volumes of quotas.',
  ],
  [
    '/usr/share/doc/pathrace/',
    'Every key of the configuration, every error code, fields of `--json`, guides; an example of a configuration in `examples`.',
  ],
];

const EXAMPLES: readonly (readonly [string, readonly string[]])[] = [
  [
    'A gateway for this machine:',
    [
      'pathrace doctor',
      `pathrace init --output ${DEFAULT_CONFIG_FILE}`,
      'pathrace check',
      'systemctl enable --now pathrace',
    ],
  ],
  ['Which route a connection took, and why:', ['pathrace why 198.51.100.7:443']],
  ['No new connections by a provider that is to be repaired:', ['pathrace drain cable']],
  ['What a changed file would do, and doing it:', ['pathrace check --diff', 'systemctl reload pathrace']],
];

const SEE_ALSO = '.BR nft (8),\n.BR ip\\-route (8),\n.BR ip\\-rule (8),\n.BR systemctl (1)\n';

type Terms = readonly (readonly [term: string, meaning: string])[];

function terms(list: Terms): string[] {
  return list.map(([term, meaning]) => roffTerm(term, meaning));
}

function section(title: string, ...parts: readonly string[]): string {
  // The first paragraph of a section needs no macro of its own.
  return roffLine('SH', title) + parts.join('').replace(/^\.PP\n/, '');
}

function commandPart(command: Command): string {
  const options = command.options.filter(({ hidden }) => !hidden);
  const places = command.registeredArguments.map((argument) => {
    const name = argument.name();
    return { term: argument.required ? `<${name}>` : `[${name}]`, meaning: argument.description };
  });
  const synopsis = [
    'pathrace',
    command.name(),
    ...places.map(({ term }) => term),
    ...(options.length > 0 ? ['[options]'] : []),
  ];
  return [
    roffLine('SS', synopsis.join(' ')),
    `${roffParagraph(sentence(command.description())).replace(/^\.PP\n/, '')}`,
    ...places.map(({ term, meaning }) => roffTerm(term, sentence(meaning))),
    ...options.map((option) => roffTerm(option.flags, sentence(option.description))),
  ].join('');
}

/** Help lines begin small and end without a full stop; a page has sentences. */
function sentence(text: string): string {
  const begin = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begin) ? begin : `${begin}.`;
}
