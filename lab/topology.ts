/** The commands that build a lab's namespaces, as data: one `ip -batch` for all links, then one script per namespace. */
import type { FullScenario } from '../src/sim/scenario.js';
import { clientAddress, LAN_ADDRESS, macOf, type Namespaces, serverGroups, uplink } from './plan.js';

/** Next hop of the servers; they need no neighbour discovery for it. */
const NETWORK_HOP = { ipv4: '169.254.0.1', ipv6: 'fe80::1' } as const;

/** `ip -batch` lines that make every namespace and every pair of interfaces. */
export function linkCommands(scenario: FullScenario, names: Namespaces): string[] {
  const lines = names.all.map((name) => `netns add ${name}`);
  const veth = (name: string, ns: string, peer: string, peerNs: string, macs?: [string, string]): void => {
    const [mac, peerMac] = macs === undefined ? ['', ''] : macs.map((address) => ` address ${address}`);
    lines.push(`link add ${name} netns ${ns}${mac} type veth peer name ${peer}${peerMac} netns ${peerNs}`);
  };
  names.clients.forEach((client, index) => {
    if (names.bridge === undefined) veth('lan0', names.gateway, 'eth0', client);
    else veth(`c${index + 1}`, names.bridge, 'eth0', client);
  });
  if (names.bridge !== undefined) veth('lan0', names.gateway, 'gw', names.bridge);
  for (const provider of scenario.providers) {
    const { number } = provider;
    const far = names.net ?? (names.servers[0] as string);
    veth(provider.interface, names.gateway, `p${number}`, far, [
      macOf('gateway', number),
      macOf('provider', number),
    ]);
  }
  names.servers.forEach((server, index) => {
    if (names.net === undefined) return;
    veth('eth0', server, `s${index + 1}`, names.net, [
      macOf('server', index + 1),
      macOf('network', index + 1),
    ]);
  });
  return lines;
}

/** One namespace's own set-up: `settings` go to /proc/sys before any interface is up, `ip` is a batch, then `after` runs. */
export interface NamespaceSetup {
  namespace: string;
  settings: Record<string, string | number>;
  ip: string[];
  after: string[];
}

export function namespaceSetups(scenario: FullScenario, names: Namespaces): NamespaceSetup[] {
  const setups = [gatewaySetup(scenario, names.gateway), ...clientSetups(scenario, names)];
  if (names.bridge !== undefined) setups.push(bridgeSetup(names.bridge, names.clients.length));
  if (names.net === undefined) setups.push(plainServerSetup(scenario, names.servers[0] as string));
  else setups.push(netSetup(scenario, names.net, names.servers.length), ...serverSetups(scenario, names));
  return setups;
}

/** A setup as one shell script. */
export function setupScript(setup: NamespaceSetup): string {
  const settings = Object.entries(setup.settings).map(
    ([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`,
  );
  // `default` reaches interfaces made later only; these exist already.
  const noDad = 'for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > "$f"; done';
  return ['set -e', ...settings, noDad, "ip -batch - <<'END'", ...setup.ip, 'END', ...setup.after].join('\n');
}

/** Addresses are usable at once: no duplicate address detection. */
const NO_DAD = {
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv6.conf.default.dad_transmits': 0,
  'net.ipv6.conf.default.accept_ra': 0,
};
/** A finished connection must not keep a benchmark from re-using its ports. */
const FEW_TIME_WAIT = { 'net.ipv4.tcp_max_tw_buckets': 1 };
const FORWARD = { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 };

/** Frames that the emulator sees must carry finished checksums and fit the wire. */
function offloadsOff(device: string): string {
  return `ethtool -K ${device} tx off gso off gro off tso off >/dev/null`;
}

function gatewaySetup(scenario: FullScenario, namespace: string): NamespaceSetup {
  const ip = ['link set lo up', 'link set lan0 up'];
  ip.push(`addr add ${LAN_ADDRESS.ipv4}/24 dev lan0`, `addr add ${LAN_ADDRESS.ipv6}/64 dev lan0 nodad`);
  for (const provider of scenario.providers) {
    const device = provider.interface;
    const { ipv4, ipv6 } = uplink(provider);
    const metric = 100 + provider.number;
    ip.push(`link set ${device} mtu ${provider.mtu} up`);
    for (const address of ipv4?.addresses ?? []) ip.push(`addr add ${address}/24 dev ${device}`);
    for (const address of ipv6?.addresses ?? []) ip.push(`addr add ${address}/64 dev ${device} nodad`);
    if (ipv4) ip.push(`route add default via ${ipv4.nextHop} dev ${device} metric ${metric}`);
    if (ipv6) ip.push(`route add ::/0 via ${ipv6.nextHop} dev ${device} metric ${metric}`);
  }
  const after = scenario.plain ? [] : scenario.providers.map((provider) => offloadsOff(provider.interface));
  return { namespace, settings: { ...NO_DAD, ...FORWARD }, ip, after };
}

function clientSetups(scenario: FullScenario, names: Namespaces): NamespaceSetup[] {
  return names.clients.map((namespace, machine) => {
    const ip = ['link set lo up', 'link set eth0 up'];
    for (let index = machine; index < scenario.lan.clients; index += names.clients.length) {
      const { ipv4, ipv6 } = clientAddress(index);
      ip.push(`addr add ${ipv4}/24 dev eth0`, `addr add ${ipv6}/64 dev eth0 nodad`);
    }
    const first = clientAddress(machine);
    ip.push(`route add default via ${LAN_ADDRESS.ipv4} src ${first.ipv4}`);
    ip.push(`route add ::/0 via ${LAN_ADDRESS.ipv6} dev eth0 src ${first.ipv6}`);
    return { namespace, settings: { ...NO_DAD, ...(scenario.plain ? FEW_TIME_WAIT : {}) }, ip, after: [] };
  });
}

function bridgeSetup(namespace: string, machines: number): NamespaceSetup {
  const ports = ['gw', ...Array.from({ length: machines }, (_, index) => `c${index + 1}`)];
  const ip = ['link add br0 type bridge', 'link set br0 up'];
  for (const port of ports) ip.push(`link set ${port} master br0`, `link set ${port} up`);
  return { namespace, settings: { 'net.ipv6.conf.default.disable_ipv6': 1 }, ip, after: [] };
}

/** The emulator's namespace: interfaces without addresses, so that the kernel itself answers nothing there. */
function netSetup(scenario: FullScenario, namespace: string, servers: number): NamespaceSetup {
  const ports = [
    ...scenario.providers.map(({ number }) => `p${number}`),
    ...Array.from({ length: servers }, (_, index) => `s${index + 1}`),
  ];
  const ip = ports.flatMap((port) => [`link set ${port} arp off mtu 2000`, `link set ${port} up`]);
  return { namespace, settings: { 'net.ipv6.conf.all.disable_ipv6': 1 }, ip, after: ports.map(offloadsOff) };
}

function serverSetups(scenario: FullScenario, names: Namespaces): NamespaceSetup[] {
  return serverGroups(scenario).map((group, index) => {
    const ip = ['link set lo up', 'link set eth0 up'];
    for (const server of group.servers) ip.push(...serverAddresses(server, 'eth0'));
    const mac = macOf('network', index + 1);
    const source = group.servers.flatMap(({ ipv4 }) => ipv4)[0];
    ip.push(`neigh add ${NETWORK_HOP.ipv4} lladdr ${mac} dev eth0 nud permanent`);
    ip.push(`neigh add ${NETWORK_HOP.ipv6} lladdr ${mac} dev eth0 nud permanent`);
    ip.push(`route add default via ${NETWORK_HOP.ipv4} dev eth0 onlink${source ? ` src ${source}` : ''}`);
    ip.push(`route add ::/0 via ${NETWORK_HOP.ipv6} dev eth0 onlink`);
    return { namespace: names.servers[index] as string, settings: NO_DAD, ip, after: [offloadsOff('eth0')] };
  });
}

/** Without emulator the one server machine is itself every provider's next hop. */
function plainServerSetup(scenario: FullScenario, namespace: string): NamespaceSetup {
  const ip = ['link set lo up'];
  for (const server of scenario.servers) ip.push(...serverAddresses(server, 'lo'));
  for (const provider of scenario.providers) {
    const device = `p${provider.number}`;
    const { ipv4, ipv6 } = uplink(provider);
    ip.push(`link set ${device} mtu ${provider.mtu} up`);
    if (ipv4) ip.push(`addr add ${ipv4.nextHop}/24 dev ${device}`);
    if (ipv6) ip.push(`addr add ${ipv6.nextHop}/64 dev ${device} nodad`);
    const via = { ipv4: ipv4?.addresses[0], ipv6: ipv6?.addresses[0] };
    const further = [...provider.subnets, ...(provider.translate ? [] : ['10.0.0.0/24', 'fd00::/64'])];
    for (const prefix of further) {
      const hop = prefix.includes(':') ? via.ipv6 : via.ipv4;
      if (hop) ip.push(`route append ${prefix} via ${hop} dev ${device}`);
    }
  }
  return { namespace, settings: { ...NO_DAD, ...FEW_TIME_WAIT }, ip, after: [] };
}

function serverAddresses(
  server: { ipv4: readonly string[]; ipv6: readonly string[] },
  device: string,
): string[] {
  return [
    ...server.ipv4.map((address) => `addr add ${address}/32 dev ${device}`),
    ...server.ipv6.map((address) => `addr add ${address}/128 dev ${device} nodad`),
  ];
}
