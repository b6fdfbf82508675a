/** `pathrace doctor`: what this machine has and lacks for a gateway. */
import { callControl } from '../api/client.js';
import type { RouteStatus } from '../api/contract.js';
import { ROUTES_PATH } from '../api/paths.js';
import { loadConfig, parseConfig } from '../config/load.js';
import type { Probe, ProbeTarget } from '../model/probe.js';
import { type CommandIo, EXIT, writeResult } from './io.js';
import { pathText } from './route-state.js';
import { type Colour, type Paint, paintFor, printable } from './style.js';
import { NARROW, renderText, renderWrapped } from './table.js';

export async function runDoctor(
  file: string | undefined,
  json: boolean,
  io: CommandIo,
  width: number = NARROW,
): Promise<number> {
  const target = targetOf(file);
  const { probeFeatures } = await import('../kernel/features.js');
  const found = await probeFeatures(target);
  const probes = file === undefined ? found : [...found, ...(await probePaths(target.config.control))];
  const ok = probes.every((probe) => probe.ok || probe.severity !== 'required');
  if (json) writeResult(io, { probes }, ok);
  else io.stdout.write(renderProbes(probes, paintFor(io.stdout, io.env), width));
  return ok ? EXIT.ok : EXIT.failed;
}

/** A line per probe, the remedy below each that needs one, and the result. */
export function renderProbes(probes: readonly Probe[], paint: Paint, width: number = NARROW): string {
  const rows = probes.map((probe) => {
    const { word, colour } = verdict(probe);
    const wanted = probe.ok ? '' : `; wanted: ${probe.expected}`;
    return [
      { text: word, colour },
      { text: printable(probe.name) },
      { text: printable(probe.found + wanted) },
    ];
  });
  const lines = renderWrapped([{ title: '' }, { title: '', shrink: 16 }, { title: '' }], rows, paint, width);
  const failed = probes.filter((probe) => !probe.ok && probe.severity !== 'info');
  const remedies = failed.map(({ name, remedy }) =>
    renderText(`${printable(name)}: ${printable(remedy)}`, width).replace(printable(name), () =>
      paint('bold', printable(name)),
    ),
  );
  const required = failed.filter(({ severity }) => severity === 'required').length;
  const result =
    required === 0
      ? paint('green', 'A gateway can run here.')
      : paint(
          'red',
          `A gateway cannot run here: ${required} required ${required === 1 ? 'line is' : 'lines are'} not ok.`,
        );
  return `${[lines, remedies.join(''), `${result}\n`].filter((part) => part !== '').join('\n')}`;
}

function verdict({ ok, severity }: Probe): { word: string; colour: Colour } {
  if (ok) return { word: 'ok', colour: 'green' };
  if (severity === 'info') return { word: 'gateway sets it', colour: 'dim' };
  return severity === 'required' ? { word: 'FAIL', colour: 'red' } : { word: 'warn', colour: 'yellow' };
}

/** What a gateway that runs has found out of the paths behind it. */
async function probePaths(control: string): Promise<Probe[]> {
  const routes = (await callControl(control, ROUTES_PATH).catch(() => [])) as readonly RouteStatus[];
  return routes.flatMap((route): Probe[] => {
    const found = pathText(route);
    if (found === null) return [];
    const mtu = Math.min(...Object.values(route.pathMtu ?? {}).filter((bytes) => bytes !== undefined));
    return [
      {
        name: `path of route ${route.name}`,
        ok: false,
        severity: 'recommended',
        found,
        expected: 'packets as large as those of the interface',
        remedy: `The gateway lowers the MSS by itself. \`mtu: ${mtu}\` does so from the start, without looking.`,
      },
    ];
  });
}

/** Stands for any configuration; no interface has such a name. */
const ANY =
  'lan: ["-lan-"]\nroutes: { a: { interface: "-a-" }, b: { interface: "-b-" } }\nrest: { route: a }\n';

function targetOf(file: string | undefined): ProbeTarget {
  if (file === undefined) return { config: parseConfig(ANY, 'any configuration'), interfaces: [] };
  const config = loadConfig(file);
  return { config, interfaces: [...config.lan, ...config.routes.map((route) => route.interface)] };
}
