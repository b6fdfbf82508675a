/** Probes of the operator's own rules: what of them keeps connections from being raced. */
import type { Probe, ProbeTarget } from '../model/probe.js';
import { readLinks } from './links.js';
import { hex, type Marks, marksOf } from './marks.js';
import { acceptOurs } from './operator/output.js';
import { readOperatorRules } from './operator/read.js';
import { differing } from './operator/translations.js';
import { resolveRoutes } from './routes.js';

export async function probeOperatorRules({ config, interfaces }: ProbeTarget): Promise<readonly Probe[]> {
  const marks = marksOf(config.kernel.mark);
  try {
    const { rules, blocking } = await readOperatorRules(config.lan, marks);
    // Without a configuration nobody knows whose address a source would be translated to.
    const routes = interfaces.length === 0 ? null : resolveRoutes(config, await readLinks());
    const kept = routes === null ? [] : differing(rules, routes, true);
    return [output(blocking, marks), translation([...new Set(kept.map(({ place }) => place))])];
  } catch (error) {
    const found = `could not be read: ${error instanceof Error ? error.message : String(error)}`;
    return [output([], marks), translation([])].map((probe) => ({ ...probe, ok: false, found }));
  }
}

function output(chains: readonly string[], marks: Marks): Probe {
  return {
    name: 'output-rules',
    ok: chains.length === 0,
    severity: 'recommended',
    found:
      chains.length === 0 ? 'no chain that drops what the gateway sends' : `may drop: ${chains.join('; ')}`,
    expected: 'copies of first packets may leave; they pass the output chains of this machine',
    remedy: `Add "${acceptOurs(marks)}" to the chain, before what drops (iptables: -m mark --mark ${hex(marks.own)}/${hex(marks.ownMask)} -j ACCEPT).`,
  };
}

function translation(places: readonly string[]): Probe {
  return {
    name: 'source-rules',
    ok: places.length === 0,
    severity: 'recommended',
    found:
      places.length === 0
        ? 'no rule that only the kernel can follow'
        : `not raced because of: ${places.join('; ')}`,
    expected: 'no `snat to` another address than a route’s only one, no `ct timeout` or `ct expectation`',
    remedy:
      'Nothing, if these connections need not be raced. Else narrow the rule down by source or destination.',
  };
}
