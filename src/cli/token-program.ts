/** The options of `pathrace token`. */
import type { Command } from 'commander';
import type { CommandIo } from './io.js';

interface Typed {
  readonly tokens?: string;
  readonly json?: boolean;
  readonly role?: string;
}

const DEFAULT_TOKENS = '/etc/pathrace/tokens';

export function addTokenCommands(program: Command, io: CommandIo, done: (code: number) => void): void {
  const token = program
    .command('token')
    .description('tokens of those who may use the API and the page over TCP (`api.tokens`)');
  const file = ['--tokens <file>', `the file of tokens (default: ${DEFAULT_TOKENS})`] as const;
  const json = ['--json', 'print one JSON document for programs (docs/json.md)'] as const;
  const read = ({ tokens = DEFAULT_TOKENS, json: isJson = false }: Typed) => ({ tokens, json: isJson });

  token
    .command('add')
    .description('make a token and print it, this once: the file keeps its hash alone')
    .argument('<name>', 'whose it is')
    .option('--role <role>', 'read: may ask. operate: may change, too')
    .option(...file)
    .option(...json)
    .action(async (name: string, options: Typed) => {
      const { runTokenAdd } = await import('./token.js');
      done(await runTokenAdd(name, options.role, read(options), io));
    });

  token
    .command('list')
    .description('names and roles')
    .option(...file)
    .option(...json)
    .action(async (options: Typed) => {
      const { runTokenList } = await import('./token.js');
      done(await runTokenList(read(options), io));
    });

  token
    .command('remove')
    .description('make a token none any more')
    .argument('<name>', 'whose it is')
    .option(...file)
    .option(...json)
    .action(async (name: string, options: Typed) => {
      const { runTokenRemove } = await import('./token.js');
      done(await runTokenRemove(name, read(options), io));
    });
}
