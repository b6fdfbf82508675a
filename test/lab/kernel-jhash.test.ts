/** The daemon and the kernel must give a client the same address of a pool: `sourceIndex` against nft's own `jhash`. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourceIndex } from '../../src/core/choose/source.js';
import { parseAddress } from '../../src/model/address.js';

const NAMESPACE = `pr-jhash-${process.pid}`;
const COUNTS = [2, 3, 5];

function inside(command: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', NAMESPACE, ...command], {
    input,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

const CLIENTS4 = Array.from(
  { length: 60 },
  (_, i) => `10.${(i * 37) % 256}.${(i * 101) % 256}.${1 + ((i * 53) % 254)}`,
);
const CLIENTS6 = Array.from(
  { length: 60 },
  (_, i) =>
    `fd00:${((i * 7919) % 65536).toString(16)}::${(i * 31).toString(16)}:${(1 + i * 257).toString(16)}`,
);

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
  return lines.join('\n');
}

/** Sends one datagram from every address. */
const SEND = `
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
for (const address of readFileSync(0, 'utf8').trim().split(' ')) {
  const six = address.includes(':');
  await new Promise((resolve, reject) => {
    const socket = createSocket(six ? 'udp6' : 'udp4');
    socket.on('error', reject);
    socket.bind(0, address, () => socket.send('x', 9, six ? '2001:db8::1' : '198.51.100.1', (error) => {
      socket.close();
      error ? reject(error) : resolve();
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
  inside([process.execPath, '--input-type=module', '-e', SEND], [...CLIENTS4, ...CLIENTS6].join(' '));
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
