/** Ordinary kernel NAT in the lab's gateway: the baselines that Pathrace is compared with. */
import type { Lab } from './lab.js';
import { uplink } from './plan.js';

/** Takes the NAT away again. */
export interface PlainNat {
  remove(): Promise<void>;
}

const TABLE = 'lab_nat';
const FIRST_ROUTING_TABLE = 900;
const RULE_PRIORITY = 900;

/** All of the LAN's traffic by one provider, masqueraded. */
export async function plainNat(lab: Lab, provider: string): Promise<PlainNat> {
  return install(lab, [provider], '');
}

/** The main table alone, and masquerading at every provider: a Linux router as it comes. `ports`: TCP has no more of them. */
export async function plainMasquerade(lab: Lab, ports?: string): Promise<PlainNat> {
  const devices = lab.scenario.providers.map((provider) => `"${provider.interface}"`).join(', ');
  const input = `table inet ${TABLE} {
    chain out {
      type nat hook postrouting priority srcnat;
      ${ports === undefined ? '' : `oifname { ${devices} } meta l4proto tcp masquerade to :${ports}`}
      oifname { ${devices} } masquerade
    }
  }`;
  await lab.gateway.must(['nft', '-f', '-'], { input });
  return { remove: async () => void (await lab.gateway.must(['nft', 'delete', 'table', 'inet', TABLE])) };
}

/** Each new connection by the next provider in turn, pinned with a connection mark. */
export async function plainNatRoundRobin(
  lab: Lab,
  providers: readonly string[] = lab.scenario.providers.map(({ name }) => name),
): Promise<PlainNat> {
  const pick = `ct state new ct mark 0 ct mark set numgen inc mod ${providers.length} offset 1`;
  return install(lab, providers, `${pick}; meta mark set ct mark;`);
}

async function install(lab: Lab, names: readonly string[], marking: string): Promise<PlainNat> {
  const providers = names.map((name) => {
    const found = lab.scenario.providers.find((provider) => provider.name === name);
    if (found === undefined) throw new Error(`this lab has no provider ${name}`);
    return found;
  });
  const devices = providers.filter(({ translate }) => translate).map((provider) => `"${provider.interface}"`);
  const table = `
    table inet ${TABLE} {
      chain pick { type filter hook prerouting priority mangle; iifname "lan0" jump mark_new; }
      chain mark_new { ${marking} }
      chain out { type nat hook postrouting priority srcnat; oifname { ${devices.join(', ')} } masquerade; }
    }`;
  const routes: string[] = [];
  providers.forEach((provider, index) => {
    const { ipv4, ipv6 } = uplink(provider);
    const place = FIRST_ROUTING_TABLE + index;
    const match = marking === '' ? 'iif lan0' : `fwmark ${index + 1}`;
    for (const [family, side] of [['-4', ipv4] as const, ['-6', ipv6] as const]) {
      routes.push(`${family} rule add ${match} lookup ${place} priority ${RULE_PRIORITY}`);
      if (side)
        routes.push(
          `${family} route add default via ${side.nextHop} dev ${provider.interface} table ${place}`,
        );
    }
  });
  await lab.gateway.must(['nft', '-f', '-'], { input: table });
  await lab.gateway.must(['sh'], { input: routes.map((line) => `ip ${line}`).join('\n') });
  return {
    async remove() {
      const undo = routes.map((line) => `ip ${line.replace(' add ', ' del ')}`);
      await lab.gateway.must(['sh'], { input: undo.join('\n') });
      await lab.gateway.must(['nft', 'delete', 'table', 'inet', TABLE]);
    },
  };
}
