/** `pathrace init`: looks at interfaces, default routes and addresses, asks, and writes a configuration to begin with. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseConfig } from '../config/load.js';
import { PathraceError } from '../model/errors.js';
import { DEFAULT_CONFIG_FILE } from './defaults.js';
import { askAll, askFile } from './init/ask.js';
import type { Machine, Proposal, ProposedRoute } from './init/machine.js';
import { expectFree, writeWhole } from './init/output.js';
import { findUplinks, propose } from './init/propose.js';
import { Interrupted, openQuestions } from './init/questions.js';
import { renderConfig } from './init/render.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { paintFor, printable } from './style.js';
import { NARROW, renderText } from './table.js';

export interface InitOptions {
  /** Ask nothing. */
  readonly yes: boolean;
  readonly output: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

/** `machine`: what it is about; this one by default. */
export async function runInit(options: InitOptions, io: CommandIo, machine?: Machine): Promise<number> {
  const { force, json } = options;
  const asks = !options.yes && !json;
  const input = asks ? io.input?.() : undefined;
  if (asks && (input?.isTTY !== true || io.stdout.isTTY !== true)) {
    throw new PathraceError('E_ARGUMENT', 'Questions need a terminal.', {
      remedy: 'Take the proposals with --yes, or run it on a terminal.',
    });
  }
  if (options.output !== undefined) expectFree(options.output, force);
  const found = machine ?? (await thisMachine());
  if (input === undefined) return finish(found, proposal(found), options.output, options, io);
  const questions = openQuestions(input, io.stdout);
  try {
    const chosen = await askAll(found, questions);
    const file = options.output ?? (await askFile(questions, force));
    return finish(found, chosen, file, options, io);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    io.stdout.write('\nNothing was written.\n');
    return EXIT.failed;
  } finally {
    questions.close();
  }
}

async function thisMachine(): Promise<Machine> {
  const { readSurvey } = await import('../kernel/survey.js');
  return readSurvey();
}

function proposal(machine: Machine): Proposal {
  if (findUplinks(machine).length > 0) return propose(machine);
  throw new PathraceError('E_NO_UPLINK', 'No interface has a default route.');
}

/** Writes, or prints where no file was named, and says what is next. */
function finish(
  machine: Machine,
  { routes, lan, notes }: Proposal,
  output: string | undefined,
  { force, json }: InitOptions,
  io: CommandIo,
): number {
  const text = renderConfig({ routes, lan, notes });
  // What is proposed must be what a gateway takes.
  parseConfig(text, output ?? 'the proposal');
  const file = output === undefined ? null : resolve(output);
  if (file !== null) writeWhole(file, text, force);
  const next = nextSteps(file, routes, lan);
  if (json) {
    const shown = routes.map((route) => ({
      name: route.name,
      interface: route.interface,
      kind: route.kind,
      found: route.found,
      placeholder: route.isPlaceholder,
    }));
    writeResult(io, { file, text, lan: lan.length === 0 ? ['local'] : lan, routes: shown, notes, next });
    return EXIT.ok;
  }
  const steps = `Next:\n${next.map((line) => `  ${printable(line)}\n`).join('')}`;
  if (file === null) {
    io.stdout.write(text);
    // Beside the file, which goes wherever standard output does.
    io.stderr.write(steps);
    return EXIT.ok;
  }
  const paint = paintFor(io.stdout, io.env);
  const described = routes.map((route) => `${route.name} (${route.interface})`).join(', ');
  const behind = lan.length === 0 ? 'this machine itself' : lan.join(', ');
  io.stdout.write(renderText(printable(`Wrote ${file}: routes ${described}; for ${behind}.`), NARROW));
  for (const note of notes) io.stdout.write(paint('yellow', renderText(printable(`note: ${note}`), NARROW)));
  io.stdout.write(steps);
  if (machine.defaults.length === 0)
    io.stdout.write('No default route was found: the routes are down until there are some.\n');
  return EXIT.ok;
}

const UNITS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

function nextSteps(file: string | null, routes: readonly ProposedRoute[], lan: readonly string[]): string[] {
  const named = file ?? DEFAULT_CONFIG_FILE;
  const isUsual = named === DEFAULT_CONFIG_FILE;
  const edit = routes.some((route) => route.isPlaceholder)
    ? [`edit ${named}, the route of the second provider above all`]
    : [];
  const hasUnit = isUsual && UNITS.some((folder) => existsSync(`${folder}/pathrace.service`));
  return [
    ...(file === null ? [`pathrace init --yes --output ${named}`] : []),
    ...edit,
    `pathrace check${isUsual ? '' : ` ${named}`}   # after each change`,
    `pathrace doctor${isUsual ? '' : ` --config ${named}`}   # what this machine lacks`,
    hasUnit ? 'systemctl enable --now pathrace' : `pathrace gateway${isUsual ? '' : ` --config ${named}`}`,
    'pathrace status',
    ...(lan.length === 0 ? [] : ['hosts of the LAN take this machine as their default gateway']),
  ];
}
