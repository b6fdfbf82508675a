/** `pathrace completion`: a script for a shell, or the names that such a script asks for. */
import type { Command } from 'commander';
import { callControl } from '../../api/client.js';
import { CONFIG_PATH } from '../../api/paths.js';
import { isName } from '../../config/values/texts.js';
import { unknownName } from '../../config/vocabulary.js';
import { type CommandIo, EXIT } from '../io.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { type CommandGrammar, grammarOf, SHELLS, type Shell } from './grammar.js';
import { zshScript } from './zsh.js';

/** Whoever presses the tabulator key waits for it. */
const TIMEOUT_MS = 1000;

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandGrammar[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** Prints the script. Throws E_ARGUMENT for a shell that has none. */
export function runCompletion(shell: string, program: Command, io: CommandIo): number {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell as Shell] : undefined;
  if (script === undefined) throw unknownName('shell', shell, SHELLS);
  io.stdout.write(script(grammarOf(program)));
  return EXIT.ok;
}

/** Prints the names of the running gateway's routes or services, a line each; nothing where there is none. */
export async function runNames(of: string, control: string, io: CommandIo): Promise<number> {
  if (of !== 'routes' && of !== 'services') throw unknownName('list of names', of, ['routes', 'services']);
  try {
    const config = (await callControl(control, CONFIG_PATH, TIMEOUT_MS)) as Partial<Record<string, unknown>>;
    const list = config?.[of];
    const names = Array.isArray(list) ? list.map((one) => String(one?.name)).filter(isName) : [];
    io.stdout.write(names.map((name) => `${name}\n`).join(''));
  } catch {
    // A completion that complains would spoil the line that is being typed.
  }
  return EXIT.ok;
}
