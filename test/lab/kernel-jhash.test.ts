/** Daemon and kernel must hash alike, for pools, criteria and groups: core/jhash.ts, pool.ts and group.ts against nft's `jhash`. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGroup, fillGroup, type GroupMembers, groupNumber } from '../../src/core/affinity/group.js';
import { flowHash, keyHash } from '../../src/core/jhash.js';
import { TIMES } from '../../src/core/memory/times.js';
import { sourceIndex } from '../../src/core/pool.js';
import { type AddressWords, parseAddress } from '../../src/model/address.js';
import { runIn } from './support/namespace.js';

const NAMESPACE = `pr-jhash-${process.pid}`;
const COUNTS = [2, 3, 5];

const inside = (command: readonly string[], input = ''): string => runIn(NAMESPACE, command, input);

const CLIENTS4 = Array.from(
  { length: 60 },
  (_, i) => `10.${(i * 37) % 256}.${(i * 101) % 256}.${1 + ((i * 53) % 254)}`,
);
const CLIENTS6 = Array.from(
  { length: 60 },
  (_, i) =>
    `fd00:${((i * 7919) % 65536).toString(16)}::${(i * 31).toString(16)}:${(1 + i * 257).toString(16)}`,
);

const SERVERS4 = ['198.51.100.1', '192.0.2.255', '8.8.8.8'];
const SERVERS6 = ['2001:db8::1', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2620:fe::fe'];
const MARK = 0x89abcdef;

/** What hashes to 32 bits, by the name of its set; elements are source, destination and hash. */
const WHOLE = { key: 'DADDR', pair: 'SADDR . DADDR', site: 'SADDR . meta mark' } as const;

function wholeRules(): string[] {
  return ['ip', 'ip6'].flatMap((family) =>
    Object.entries(WHOLE).flatMap(([name, what]) => {
      const type = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
      const words = what.replace('SADDR', `${family} saddr`).replace('DADDR', `${family} daddr`);
      const only = `udp dport 10 meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`;
      return [
        `add set inet t ${family}_${name} { type ${type} . ${type} . mark; flags dynamic; size 1024; }`,
        `add rule inet t c ${only} meta mark set 0x${MARK.toString(16)}`,
        `add rule inet t c ${only} meta mark set jhash ${words} mod 4294967295 seed 0x0`,
        `add rule inet t c ${only} add @${family}_${name} { ${family} saddr . ${family} daddr . meta mark }`,
      ];
    }),
  );
}

/** In `output`, one counter per bucket and client. */
function rules(): string {
  const lines = ['add table inet t', 'add chain inet t c { type filter hook output priority 0; }'];
  for (const [family, clients] of [
    ['ip', CLIENTS4],
    ['ip6', CLIENTS6],
  ] as const) {
    for (const count of COUNTS) {
      for (let index = 0; index < count; index++) {
        const name = `${family}_${count}_${index}`;
        const type = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
        lines.push(`add set inet t ${name} { type ${type}; flags dynamic; size 1024; }`);
        lines.push(
          `add rule inet t c udp dport 9 ${family} saddr { ${clients.join(', ')} } jhash ${family} saddr mod ${count} seed 0x0 == ${index} add @${name} { ${family} saddr }`,
        );
      }
    }
  }
  return [...lines, ...wholeRules()].join('\n');
}

/** Sends one datagram from every address, and one to each server of its family. */
const SEND = `
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
const [clients, servers] = readFileSync(0, 'utf8').trim().split('|').map((part) => part.split(' '));
for (const address of clients) {
  const six = address.includes(':');
  const to = servers.filter((server) => server.includes(':') === six);
  await new Promise((resolve, reject) => {
    const socket = createSocket(six ? 'udp6' : 'udp4');
    socket.on('error', reject);
    socket.bind(0, address, () => socket.send('x', 9, six ? '2001:db8::1' : '198.51.100.1', (error) => {
      if (error) reject(error);
      let left = to.length;
      for (const server of to) socket.send('x', 10, server, (error) => {
        if (error) reject(error);
        if (--left === 0) socket.close(resolve);
      });
    }));
  });
}
`;

beforeAll(() => {
  expect(spawnSync('ip', ['netns', 'add', NAMESPACE]).status).toBe(0);
  const addresses = [
    ...CLIENTS4.map((a) => `address add ${a}/32 dev dum0`),
    ...CLIENTS6.map((a) => `address add ${a}/128 dev dum0 nodad`),
  ];
  inside(
    ['ip', '-batch', '-'],
    [
      'link add dum0 type veth peer name dum1',
      'link set lo up',
      'link set dum0 up',
      'link set dum1 up',
      ...addresses,
      'route add default dev dum0',
    ].join('\n'),
  );
  inside(['ip', '-6', 'route', 'add', 'default', 'dev', 'dum0']);
  inside(['nft', '-f', '-'], rules());
  const input = [
    [...CLIENTS4, ...CLIENTS6],
    [...SERVERS4, ...SERVERS6],
  ]
    .map((part) => part.join(' '))
    .join('|');
  inside([process.execPath, '--input-type=module', '-e', SEND], input);
});

afterAll(() => {
  spawnSync('ip', ['netns', 'delete', NAMESPACE]);
});

/** Which bucket the kernel put each client into. */
function kernelBuckets(name: string): Map<string, number> {
  const [family, count] = name.split('_');
  const buckets = new Map<string, number>();
  for (let index = 0; index < Number(count); index++) {
    const listed = JSON.parse(
      inside(['nft', '-j', 'list', 'set', 'inet', 't', `${family}_${count}_${index}`]),
    ) as {
      nftables: { set?: { elem?: (string | { elem: { val: string } })[] } }[];
    };
    for (const { set } of listed.nftables) {
      for (const element of set?.elem ?? []) {
        const text = typeof element === 'string' ? element : element.elem.val;
        buckets.set(JSON.stringify(parseAddress(text)), index);
      }
    }
  }
  return buckets;
}

describe.each([
  ['ip', 4, CLIENTS4],
  ['ip6', 6, CLIENTS6],
] as const)('%s saddr', (family, version, clients) => {
  it.each(COUNTS)('mod %i: every client gets the same address from both', (count) => {
    const kernel = kernelBuckets(`${family}_${count}`);
    expect(kernel.size).toBe(clients.length);
    const used = new Set<number>();
    for (const client of clients) {
      const words = parseAddress(client);
      expect(words).not.toBeNull();
      const index = sourceIndex(words!, 0, version, count);
      expect([client, index]).toEqual([client, kernel.get(JSON.stringify(words))]);
      used.add(index);
    }
    expect(used.size).toBe(count);
  });
});

/** Source, destination and hash, as the kernel has noted them. */
function kernelHashes(set: string): { source: Int32Array; destination: Int32Array; hash: number }[] {
  const listed = JSON.parse(inside(['nft', '-j', 'list', 'set', 'inet', 't', set])) as {
    nftables: { set?: { elem?: { concat: [string, string, number] }[] } }[];
  };
  return listed.nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .map(({ concat: [source, destination, hash] }) => ({
      source: parseAddress(source)!,
      destination: parseAddress(destination)!,
      hash: hash >>> 0,
    }));
}

describe.each([
  ['ip', 4, CLIENTS4.length * SERVERS4.length],
  ['ip6', 6, CLIENTS6.length * SERVERS6.length],
] as const)('%s, all 32 bits', (family, version, count) => {
  it('daddr: the number of a destination without a name', () => {
    const noted = kernelHashes(`${family}_key`);
    expect(noted.length).toBe(count);
    for (const { destination, hash } of noted) expect(keyHash(destination, 0, version) >>> 0).toBe(hash);
  });

  it('saddr . daddr: what the criterion `hash` goes by, less the one that `mod` takes', () => {
    const noted = kernelHashes(`${family}_pair`);
    expect(noted.length).toBe(count);
    for (const { source, destination, hash } of noted)
      expect(flowHash({ family: version, source, destination }) - 1).toBe(hash);
    expect(new Set(noted.map(({ hash }) => hash)).size).toBe(count);
  });

  it('groups of IPv6: client and destination, client and site', () => {
    if (version === 4) return;
    const group = createGroup();
    const members = (client: AddressWords, destination: AddressWords): GroupMembers => ({
      family: 6,
      client,
      destination,
      at: 0,
      times: TIMES.CONNECT,
    });
    for (const { source, destination, hash } of kernelHashes('ip6_pair')) {
      fillGroup(group, 'client+destination', members(source, destination), 0);
      expect(groupNumber(group) >>> 0).toBe(hash);
    }
    for (const { source, destination, hash } of kernelHashes('ip6_site')) {
      fillGroup(group, 'client+site', members(source, destination), MARK | 0);
      expect(groupNumber(group) >>> 0).toBe(hash);
    }
  });
});
