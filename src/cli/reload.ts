/** `pathrace reload`: the gateway reads its configuration again; shows what that changed. */
import { commandControl } from '../api/client.js';
import type { ReloadReport } from '../api/contract.js';
import { RELOAD_PATH } from '../api/paths.js';
import { ConfigError } from '../config/problems.js';
import { countChanges, renderChanges, renderEffects } from './changes.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { reportProblems } from './problems.js';
import { formatCount, type Paint, paintFor } from './style.js';

export async function runReload(control: string, json: boolean, io: CommandIo): Promise<number> {
  let report: ReloadReport;
  try {
    report = (await commandControl(control, RELOAD_PATH)) as ReloadReport;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return reportProblems(error, json, io);
  }
  if (json) writeResult(io, { ...report });
  else io.stdout.write(renderReload(report, paintFor(io.stdout, io.env)));
  return EXIT.ok;
}

/** A line per change and the result. */
export function renderReload(
  { applied, changes, effects = [], left = 0 }: ReloadReport,
  paint: Paint,
): string {
  if (changes.length === 0) return 'nothing to change\n';
  const restart = changes.filter(({ apply }) => apply === 'restart').length;
  const later = restart === 0 ? '' : `${countChanges(restart)} at the next start`;
  const cut = left === 0 ? '' : `${formatCount(left)} connections are being cut`;
  const result = [paint(applied ? 'green' : 'yellow', applied ? 'applied' : 'not applied'), later, cut];
  return `${renderChanges(changes, paint)}${renderEffects(effects)}${result.filter((part) => part !== '').join('; ')}\n`;
}
