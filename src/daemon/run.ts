/** Runs a gateway as a process: until it is told to end. */

import { parseApart } from '../config/parse-apart.js';
import { sendNotification } from '../kernel/notify-socket.js';
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { logForm } from '../observe/journal.js';
import { createLog } from '../observe/log.js';
import { type LineStream, LossyOutput } from '../observe/lossy-output.js';
import { ConfigSource } from './config-source.js';
import { Gateway } from './gateway.js';
import { checkPrivileges } from './preflight.js';
import { stateOf } from './report.js';
import { ServiceManager } from './service-manager.js';

/** Where a command writes, and what tells it to end. */
export interface GatewayIo {
  readonly stdout: LineStream;
  readonly stderr: LineStream;
  readonly signals: GatewaySignals;
}

export interface GatewaySignals {
  /** The first signal to end. */
  readonly ended: Promise<string>;
  readonly hasEnded: boolean;
  /** Whether the kernel shall keep its state. */
  readonly keeps: boolean;
  onReload(action: () => void): void;
}

/** What an operator should know of a gateway that has left its state. */
const KEPT =
  'The kernel keeps its state: connections live on, new ones go by what it knows or by the rest route. The next start takes it over, `pathrace cleanup` removes it.';

/**
 * Runs until SIGTERM or SIGINT; returns the exit code. Everything in the kernel is removed before it returns. SIGQUIT leaves
 * it there, for a start that follows at once: connections live on, new ones go by what the kernel knows. So does a gateway that
 * gives up, or cannot take over what it has found.
 */
export async function runGateway(config: GatewayConfig, file: string, io: GatewayIo): Promise<number> {
  checkPrivileges();
  const { signals } = io;
  const manager = managerOf(process.env);
  const form = logForm(process.env);
  const output = new LossyOutput(io.stderr, (dropped) => lossLine(dropped, form === 'journal'));
  let inForce = (): GatewayConfig => config;
  const log = createLog({
    level: config.log.level,
    form,
    write: (line) => output.write(line),
    addresses: () => inForce().log.addresses,
    onLimited: () => output.limited++,
  });
  const source = await new ConfigSource(file, config, parseApart).begin();
  const gateway = new Gateway(config, source, log, output, (work) => manager.reloading(work));
  inForce = () => gateway.config;
  process.on('unhandledRejection', (error) => gateway.boundary.caught('work in the background', error));
  process.on('uncaughtException', (error) => gateway.boundary.caught('an event', error));
  if (signals.hasEnded) return 0;
  try {
    await gateway.start();
  } catch (error) {
    const keeps = (): boolean => (signals.hasEnded ? signals.keeps : gateway.foundState);
    const left = await gateway.stop(keeps);
    throw gateway.foundState && keeps() ? withRemedy(error, KEPT) : withLeft(error, left);
  }
  signals.onReload(() => gateway.reloading.reloadOnSignal());
  new LossyOutput(io.stdout, () => '').write(`${gateway.readyLine()}\n`);
  manager.ready(() => describe(gateway));
  const outcome = await Promise.race([signals.ended, gateway.failed]);
  const givesUp = outcome instanceof PathraceError;
  const reason = givesUp ? outcome.code : outcome;
  log.info({ event: 'stopping', reason }, 'stopping');
  manager.stopping(`stopping (${reason})`);
  // Told to end for good while it gives up, it does.
  const keeps = (): boolean => (signals.hasEnded ? signals.keeps : givesUp);
  const left = await gateway.stop(keeps);
  manager.close();
  if (givesUp) throw keeps() ? withRemedy(outcome, KEPT) : withLeft(outcome, left);
  if (left.length > 0)
    throw withLeft(new PathraceError('E_COMMAND_FAILED', 'Not everything could be removed.'), left);
  return 0;
}

/** The manager of this process, whose commands are not to speak for it. */
function managerOf(env: NodeJS.ProcessEnv): ServiceManager {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  return new ServiceManager(
    { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID },
    { send: sendNotification, monotonicMicros: () => process.hrtime.bigint() / 1000n, pid: process.pid },
  );
}

/** `2 of 3 routes up; cable down`: the line that `systemctl status` shows. */
function describe(gateway: Gateway): string {
  const inForce = gateway.takeOver.inForce;
  const states = inForce.config.routes.map(({ name }) => ({ name, state: stateOf(inForce, name).state }));
  const up = states.filter(({ state }) => state === 'up').length;
  const others = states.filter(({ state }) => state !== 'up').map(({ name, state }) => `${name} ${state}`);
  return [`${up} of ${states.length} routes up`, others.join(', ')].filter((part) => part !== '').join('; ');
}

function withLeft(error: unknown, left: readonly string[]): unknown {
  return left.length === 0
    ? error
    : withRemedy(error, `Left in the kernel: ${left.join('; ')}. \`pathrace cleanup\` removes it.`);
}

function withRemedy(error: unknown, remedy: string): unknown {
  if (!(error instanceof PathraceError)) return new PathraceError('E_INTERNAL', String(error), { remedy });
  const { code, message, found, expected } = error;
  return new PathraceError(code, message, { found, expected, remedy: `${error.remedy} ${remedy}` });
}

/** As the log writes it: the readers of both are the same. */
function lossLine(dropped: number, isJournal: boolean): string {
  if (isJournal) return `<4>${dropped} lines of the log had no reader  event=log-lost\n`;
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: 'warn', time, event: 'log-lost', dropped, msg: `${dropped} lines of the log had no reader` })}\n`;
}
