/**
 * Data of FTP and TFTP go where their control connection goes, with helpers of the kernel that `follow` attaches: real servers and clients, and
 * services that would send everything else by another route.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUND } from '../../lab/beside/index.js';
import type { Lab } from '../../lab/index.js';
import { BOOT_BYTES, FILE_BYTES, ftpServer, tftpServer } from './support/files.js';
import { GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const SERVICES = [
  { name: 'files', match: { tcp: 21 }, select: 'b' },
  { name: 'boot', match: { udp: 69 }, select: 'c' },
  { name: 'all', match: 'any', select: 'a' },
];

const start = (follow: unknown): Promise<GatewayLab> =>
  GatewayLab.start(GROUND, { config: { services: SERVICES, follow } as never });

async function serve(lab: Lab): Promise<void> {
  await ftpServer(lab, lab.server('near'), 21);
  await tftpServer(lab, lab.server('near'), NEAR);
}

/** Providers by which packets of that protocol have passed. */
async function carriers(lab: Lab, protocol: 'tcp' | 'udp'): Promise<string[]> {
  const all = await lab.wire.trace({});
  return [...new Set(all.filter((one) => one.protocol === protocol).map(({ provider }) => provider))];
}

async function fetched(lab: Lab, address: string, args: readonly string[]): Promise<number> {
  const host = address.includes(':') ? `[${address}]` : address;
  const { ok, bytes, status } = await lab
    .client()
    .curl(`ftp://${host}/file`, [...args, '--max-time', '4', '--fail']);
  return ok && status === 226 ? bytes : -1;
}

async function booted(lab: Lab): Promise<number> {
  const { stdout } = await lab
    .client()
    .run(['curl', '-s', '-m', '4', '-o', '/dev/null', '-w', '%{size_download}', `tftp://${NEAR}/file`]);
  return Number(stdout);
}

const ACTIVE = ['--ftp-port', '-'];

describe('with `follow: [ftp, tftp]`', () => {
  let made: GatewayLab;

  beforeAll(async () => {
    made = await start(['ftp', 'tftp']);
    await serve(made.lab);
  });

  afterAll(() => made?.stop());

  test.each([
    ['active', NEAR, [...ACTIVE, '--disable-eprt']],
    ['active, extended', NEAR, ACTIVE],
    ['active over IPv6', NEAR6, ACTIVE],
    ['passive', NEAR, ['--disable-epsv']],
    ['passive, extended', NEAR, []],
    ['passive over IPv6', NEAR6, []],
  ] as const)('FTP, %s: the file comes by the route of the control connection', async (_, address, args) => {
    await made.lab.wire.reset();
    expect(await fetched(made.lab, address, args)).toBe(FILE_BYTES);
    expect(await carriers(made.lab, 'tcp')).toEqual(['b']);
  });

  test('TFTP: the answer from another port arrives, by the route of the request', async () => {
    await made.lab.wire.reset();
    expect(await booted(made.lab)).toBe(BOOT_BYTES);
    expect(await carriers(made.lab, 'udp')).toEqual(['c']);
  });
});

describe('without', () => {
  let made: GatewayLab;

  beforeAll(async () => {
    made = await start('none');
    await serve(made.lab);
  });

  afterAll(() => made?.stop());

  test('what the server opens does not arrive, and passive data go by another route, which its server does not take', async () => {
    expect(await fetched(made.lab, NEAR, ACTIVE)).toBe(-1);
    expect(await booted(made.lab)).toBe(0);
    await made.lab.wire.reset();
    expect(await fetched(made.lab, NEAR, [])).toBe(-1);
    expect((await carriers(made.lab, 'tcp')).sort()).toEqual(['a', 'b']);
  });
});
