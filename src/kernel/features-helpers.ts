/** Whether the kernel has the helpers that `follow` names. */

import { isHelped } from '../model/calls.js';
import type { GatewayConfig } from '../model/config.js';
import type { Probe } from '../model/probe.js';
import { helperBody } from './render-calls.js';
import { takesEach } from './takes-rule.js';

/** One for each helper that is wanted. */
export async function probeHelpers({ follow }: GatewayConfig): Promise<Probe[]> {
  const wanted = follow.filter(isHelped);
  const taken = await takesEach(wanted.map((one) => ({ helper: helperBody(one) })));
  return wanted.map((one, i) => {
    const ok = taken[i] ?? false;
    return {
      name: `helper-${one}`,
      ok,
      severity: 'recommended',
      found: ok
        ? 'there is one'
        : `none: data of ${one.toUpperCase()} goes by routes of its own, and not at all where the server connects`,
      expected: `nf_conntrack_${one} and nf_nat_${one}`,
      remedy: `Load them (\`modprobe nf_nat_${one}\`), or take ${one} out of \`follow\`.`,
    } satisfies Probe;
  });
}
