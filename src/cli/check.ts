/** `pathrace check`: every mistake of a configuration, or that there is none. */
import { loadConfig } from '../config/load.js';
import { ConfigError, problemLine } from '../config/problems.js';
import { type CommandIo, EXIT, writeJson } from './io.js';

export function runCheck(file: string, json: boolean, io: CommandIo): number {
  try {
    const config = loadConfig(file);
    const services = config.services.length === 1 ? '1 service' : `${config.services.length} services`;
    if (json) writeJson(io.stdout, { ok: true, file, problems: [], config });
    else io.stdout.write(`${file}: ok, ${config.routes.length} routes, ${services}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json) writeJson(io.stdout, { ok: false, file, problems: error.problems });
    else for (const problem of error.problems) io.stdout.write(`${problemLine(file, problem)}\n`);
    return EXIT.failed;
  }
}
