/** `pathrace demo`: real connections of real programs, raced over emulated providers, and compared with plain NAT. */
import { writeResult } from '../src/cli/io.js';
import { paintFor } from '../src/cli/style.js';
import { display } from './demo/display.js';
import { HELP, parseOptions } from './demo/options.js';
import { openPageDoor } from './demo/page-door.js';
import { runRounds } from './demo/run.js';
import { listenForStop } from './demo/stopping.js';
import { renderSummary, type Summary } from './demo/summary.js';
import { ensurePrivileges } from './privileges.js';

/** The exit code: 0 when racing lost nothing. */
export async function runDemo(argv: string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  // Debian keeps nft, nginx and others out of the PATH of ordinary users.
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const door = await openPageDoor();
  ensurePrivileges();
  const { stdout, stderr, env } = process;
  const stopping = listenForStop();
  const show = display(options.json ? stderr : stdout, env);
  let summary: Summary;
  try {
    summary = await runRounds({ ...options, door }, show, stopping.signal);
  } finally {
    show.close();
    stopping.release();
  }
  const ok = (summary.lostByRacing ?? 0) === 0;
  if (options.json) writeResult({ stdout, stderr, env }, { ...summary }, ok);
  else stdout.write(renderSummary(summary, paintFor(stdout, env)));
  return ok ? 0 : 1;
}
