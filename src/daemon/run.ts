/** Runs a gateway as a process: until it is told to end. */
import type { GatewayConfig } from '../model/config.js';
import { PathraceError } from '../model/errors.js';
import { createLog } from '../observe/log.js';
import { Gateway } from './gateway.js';
import { checkPrivileges } from './preflight.js';

/** Where a command writes. */
export interface GatewayIo {
  readonly stdout: { write(text: string): unknown };
}

/**
 * Runs until SIGTERM or SIGINT; returns the exit code. Everything in the kernel is removed before it returns. SIGQUIT leaves
 * it there, for a start that follows at once: connections live on, new ones go by what the kernel knows.
 */
export async function runGateway(config: GatewayConfig, file: string, io: GatewayIo): Promise<number> {
  checkPrivileges();
  const log = createLog({ level: config.log.level });
  const gateway = new Gateway(config, file, log);
  const stopped = nextSignal(['SIGTERM', 'SIGINT', 'SIGQUIT']);
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  process.on('SIGHUP', () => gateway.reloadOnSignal());
  io.stdout.write(`${gateway.readyLine()}\n`);
  const outcome = await Promise.race([stopped, gateway.failed]);
  log.info(
    { event: 'stopping', reason: outcome instanceof PathraceError ? outcome.code : outcome },
    'stopping',
  );
  await gateway.stop(outcome === 'SIGQUIT');
  if (outcome instanceof PathraceError) throw outcome;
  return 0;
}

function nextSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.on(signal, () => resolve(signal));
  });
}
