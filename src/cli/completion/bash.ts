/** Completion for bash, without anything but bash itself. */
import type { CommandGrammar, Taken } from './grammar.js';

/** To be read by the shell: `source <(pathrace completion bash)`, or as a file of its completions. */
export function bashScript(commands: readonly CommandGrammar[]): string {
  return `# bash completion for pathrace; made by \`pathrace completion bash\`.
_pathrace_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_pathrace_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
_pathrace_names() { _pathrace_words "$("\${COMP_WORDS[0]}" completion --names "$1" \${control:+--control "$control"} 2>/dev/null)"; }
_pathrace() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= control= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == --control ]] && control=\${COMP_WORDS[i+1]}
    [[ -z $command && \${COMP_WORDS[i]} != -* ]] && command=\${COMP_WORDS[i]}
  done
  case $command in
    '') _pathrace_words '${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}' ;;
${commands.map(commandCase).join('')}  esac
}
complete -F _pathrace pathrace
`;
}

function commandCase({ name, options, argument }: CommandGrammar): string {
  const values = options.filter(({ value }) => value !== null);
  // Where the value may be left out the next option may follow.
  const cases = values.map(
    (option) =>
      `        ${option.name}) ${option.isOptional ? '[[ $cur == -* ]] || ' : ''}{ ${action(option.value)}; return; } ;;\n`,
  );
  const words = options.map((option) => option.name).join(' ');
  return `    ${name})
${cases.length === 0 ? '' : `      case $prev in\n${cases.join('')}      esac\n`}      case $cur in
        -*) _pathrace_words '${words}' ;;
        *) ${action(argument)} ;;
      esac ;;
`;
}

function action(taken: Taken | null): string {
  switch (taken?.kind) {
    case 'file':
      return '_pathrace_files';
    case 'routes':
    case 'services':
      return `_pathrace_names ${taken.kind}`;
    case 'words':
      return `_pathrace_words '${taken.words.join(' ')}'`;
    default:
      return ':';
  }
}
