/** What a command takes where nothing was said: an option, else a variable of the environment, else the usual place. */
import { DEFAULT_CONTROL_PATH } from '../model/config.js';
import type { CommandIo } from './io.js';

/** Where the configuration is unless somebody says otherwise. */
export const DEFAULT_CONFIG_FILE = '/etc/pathrace.yaml';

/** `PATHRACE_CONFIG` and `PATHRACE_CONTROL`; an empty one says nothing, as in a shell. */
type Env = CommandIo['env'];

/** The configuration file. */
export function configFile(named: string | undefined, env: Env): string {
  return named ?? (env.PATHRACE_CONFIG || DEFAULT_CONFIG_FILE);
}

/** The control socket of the gateway that a command asks. `ofFile`: what a configuration says. */
export function controlSocket(named: string | undefined, env: Env, ofFile?: string): string {
  return named ?? (env.PATHRACE_CONTROL || (ofFile ?? DEFAULT_CONTROL_PATH));
}
