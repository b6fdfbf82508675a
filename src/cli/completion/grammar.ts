/** What can be typed, read off the parser, so that no shell's completion can fall behind it. */
import type { Command, Option } from 'commander';

/** What a place takes: a file, the name of a route or service of the running gateway, one of some words, or anything. */
export type Taken =
  | { readonly kind: 'file' | 'routes' | 'services' | 'text' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface OptionGrammar {
  /** `--json`. */
  readonly name: string;
  readonly description: string;
  /** null: it takes no value. */
  readonly value: Taken | null;
  /** Whether the value may be left out. */
  readonly isOptional: boolean;
}

export interface CommandGrammar {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionGrammar[];
  /** The first argument; null: there is none. */
  readonly argument: Taken | null;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Every command that `--help` shows, and `help` itself. */
export function grammarOf(program: Command): CommandGrammar[] {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    description: oneLine(command.description()),
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionOf), HELP],
    argument: takenBy(command.registeredArguments[0]?.name()),
  }));
  const words = commands.map(({ name }) => name);
  const help = { name: 'help', description: 'show what a command is for', options: [] };
  return [...commands, { ...help, argument: { kind: 'words', words } }];
}

const HELP: OptionGrammar = {
  name: '--help',
  description: 'show what the command is for',
  value: null,
  isOptional: false,
};

function optionOf({ long, flags, description, optional }: Option): OptionGrammar {
  const [, value] = /[<[]([\w-]+)[>\]]/.exec(flags) ?? [];
  return {
    name: long ?? flags,
    description: oneLine(description),
    value: takenBy(value),
    isOptional: optional,
  };
}

/** By what the help calls it. */
function takenBy(name: string | undefined): Taken | null {
  switch (name) {
    case undefined:
    case 'args':
      return null;
    case 'file':
    case 'socket':
      return { kind: 'file' };
    case 'route':
      return { kind: 'routes' };
    case 'service':
      return { kind: 'services' };
    case 'shell':
      return { kind: 'words', words: SHELLS };
    default:
      return { kind: 'text' };
  }
}

/** The first clause, without the default and what a shell or its completion would read as its own. */
function oneLine(text: string): string {
  const clause = text.split(/;|\n| \(default/)[0] ?? '';
  return clause.replace(/[^\w .,()/-]/g, ' ').trim();
}
