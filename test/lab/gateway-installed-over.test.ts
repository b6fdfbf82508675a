/** A gateway over whose files another version was installed before it was asked anything: it says so, and runs none of the other's code. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startLab } from '../../lab/index.js';
import { socketClient } from '../../src/api/client.js';
import { connectMs, NEAR } from './support/gateway-lab.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PARTS = ['bin', 'dist/src', 'package.json', 'docs/openapi.json'];

test('it goes on, says that it wants a restart, and answers when the files are its own again', async () => {
  const home = mkdtempSync(join(tmpdir(), 'pathrace-installed-'));
  for (const part of PARTS) cpSync(join(ROOT, part), join(home, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  const file = join(home, 'package.json');
  const own = readFileSync(file, 'utf8');
  const other = JSON.stringify({ ...JSON.parse(own), version: '99.0.0' });
  const lab = await startLab({ providers: [{ name: 'a' }, { name: 'b' }] });
  try {
    const program = join(home, 'bin/pathrace');
    const daemon = lab.gateway.spawn([program, 'gateway', '--config', lab.configYaml({})]);
    await daemon.waitForLine(/^ready/, 30_000);
    writeFileSync(file, other);
    const call = socketClient(lab.controlSocket);
    await expect(call('GET /v1/status')).rejects.toMatchObject({
      code: 'E_INTERNAL',
      message: expect.stringContaining('99.0.0 was installed over it'),
      remedy: expect.stringContaining('Restart it'),
    });
    await lab.server().echo({ ports: [7] });
    const plan = { targets: [{ address: NEAR, port: 7 }], count: 5, bytes: 100 };
    connectMs(await lab.client().connect(plan));
    writeFileSync(file, own);
    expect(await call('GET /v1/status')).toMatchObject({ version: JSON.parse(own).version });
    expect((await daemon.stop(8000)).code).toBe(0);
  } finally {
    await lab.stop();
    rmSync(home, { recursive: true, force: true });
  }
});
