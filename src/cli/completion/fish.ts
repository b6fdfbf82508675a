/** Completion for fish. */
import type { CommandGrammar, Taken } from './grammar.js';

/** A file `pathrace.fish` among fish's completions, or read by `pathrace completion fish | source`. */
export function fishScript(commands: readonly CommandGrammar[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# fish completion for pathrace; made by \`pathrace completion fish\`.
function __pathrace_names
    set -l words (commandline -opc)
    set -l at (contains -i -- --control $words)
    set -l control
    test -n "$at"; and set control --control $words[(math $at + 1)]
    pathrace completion --names $argv[1] $control 2>/dev/null
end
complete -c pathrace -f
complete -c pathrace -n "not __fish_seen_subcommand_from ${names}" -l help -d 'show the commands'
complete -c pathrace -n "not __fish_seen_subcommand_from ${names}" -l version -d 'show the version'
${commands
  .map(
    ({ name, description }) =>
      `complete -c pathrace -n "not __fish_seen_subcommand_from ${names}" -a ${name} -d '${description}'\n`,
  )
  .join('')}${commands.map(commandLines).join('')}`;
}

function commandLines({ name, options, argument }: CommandGrammar): string {
  const when = `complete -c pathrace -n "__fish_seen_subcommand_from ${name}"`;
  const lines = options.map(({ name: option, description, value, isOptional }) => {
    const taken = value === null ? '' : ` ${isOptional ? '' : '-r '}${action(value)}`.trimEnd();
    return `${when} -l ${option.slice(2)} -d '${description}'${taken}\n`;
  });
  const place = argument === null ? '' : action(argument);
  return `${lines.join('')}${place === '' ? '' : `${when} ${place}\n`}`;
}

function action(taken: Taken): string {
  switch (taken.kind) {
    case 'file':
      return '-F';
    case 'routes':
    case 'services':
      return `-a '(__pathrace_names ${taken.kind})'`;
    case 'words':
      return `-a '${taken.words.join(' ')}'`;
    case 'text':
      return '';
  }
}
