/** Completion for zsh, by its own `_arguments`. */
import type { CommandGrammar, OptionGrammar, Taken } from './grammar.js';

/** A file `_pathrace` in a folder of `fpath`, or read by `source <(pathrace completion zsh)` after `compinit`. */
export function zshScript(commands: readonly CommandGrammar[]): string {
  return `#compdef pathrace
# zsh completion for pathrace; made by \`pathrace completion zsh\`.
_pathrace_names() {
  local -a names
  local control=\${words[(i)--control]}
  control=\${words[control + 1]}
  names=(\${(f)"$(pathrace completion --names $1 \${control:+--control} \${control:+$control} 2>/dev/null)"})
  compadd -a names
}
_pathrace_routes() { _pathrace_names routes }
_pathrace_services() { _pathrace_names services }
_pathrace() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    '${name}:${description}'\n`).join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(commandCase).join('')}  esac
}
if [[ $funcstack[1] == _pathrace ]]; then _pathrace "$@"; else compdef _pathrace pathrace; fi
`;
}

function commandCase({ name, options, argument }: CommandGrammar): string {
  const place = argument === null ? [] : [`'1:${name}:${action(argument)}'`];
  return `    ${name}) _arguments ${[...options.map(optionSpec), ...place].join(' ')} ;;\n`;
}

function optionSpec({ name, description, value, isOptional }: OptionGrammar): string {
  const taken = value === null ? '' : `:${isOptional ? ':' : ''}value:${action(value)}`.replace('::', '::');
  return `'${name}[${description}]${taken}'`;
}

function action(taken: Taken): string {
  switch (taken.kind) {
    case 'file':
      return '_files';
    case 'routes':
    case 'services':
      return `_pathrace_${taken.kind}`;
    case 'words':
      return `(${taken.words.join(' ')})`;
    case 'text':
      return ' ';
  }
}
