// What is made from the commands: the manual page and the shells' completions.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Where each shell looks for a file of completions, below /usr/share, and what it is called there. */
export const COMPLETIONS = {
  bash: 'bash-completion/completions/pathrace',
  zsh: 'zsh/vendor-completions/_pathrace',
  fish: 'fish/vendor_completions.d/pathrace.fish',
};

/** No package has the lab. */
const OF_CHECKOUT = ['demo', 'bench'];

/** `{ manual, completions: { bash, zsh, fish } }` as texts, of the compiled code in `home`. `epoch`: seconds, the date of the page. */
export async function makePages(home, version, epoch) {
  const load = (path) => import(pathToFileURL(join(home, 'dist/src/cli', path)).href);
  const { createProgram } = await load('program.js');
  const { manualPage } = await load('manual/page.js');
  const { runCompletion } = await load('completion/run.js');
  const written = { text: '' };
  const sink = { write: (text) => (written.text += text) };
  const io = { stdout: sink, stderr: sink, env: {} };
  const program = createProgram(io, () => {});
  for (const name of OF_CHECKOUT) {
    const at = program.commands.findIndex((command) => command.name() === name);
    if (at >= 0) program.commands.splice(at, 1);
  }
  const completions = {};
  for (const shell of Object.keys(COMPLETIONS)) {
    written.text = '';
    runCompletion(shell, program, io);
    completions[shell] = written.text;
  }
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  return { manual: manualPage(program, { version, date }), completions };
}

/** Writes completions below `share` (/usr/share), as COMPLETIONS says. */
export function writeCompletions(share, { completions }) {
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    mkdirSync(join(share, path, '..'), { recursive: true });
    writeFileSync(join(share, path), completions[shell]);
  }
}
