/** Connection-tracking helpers: the server opens a second connection, which the helper has announced. */
import type { Case, Probe } from './case.js';
import { ROUNDS } from './case.js';
import { NEAR, NEAR6, tally } from './probes.js';

const COUNT = 3;
const PORT = 21;
const RULES = `table inet operator {
  ct helper files { type "ftp" protocol tcp; }
  chain before { type filter hook prerouting priority filter; tcp dport ${PORT} ct helper set "files"; }
}`;

export const HELPER: Case = {
  name: 'the helper for FTP',
  kind: 'helper',
  install: async (lab) => {
    const server = lab.server().child('children/ftp');
    await server.ask('listen', { port: PORT });
    await lab.gateway.must(['nft', '-f', '-'], { input: RULES });
    return {
      remove: async () => {
        await lab.gateway.must(['nft', 'delete', 'table', 'inet', 'operator']);
        await server.stop();
      },
    };
  },
  probes: [
    active('active FTP', NEAR, `ftp://${NEAR}/file`, ['--disable-eprt']),
    active('active FTP over IPv6', NEAR6, `ftp://[${NEAR6}]/file`, []),
  ],
};

function active(name: string, address: string, url: string, more: readonly string[]): Probe {
  return {
    name,
    expected: { answers: { ok: ROUNDS * COUNT }, reached: [`${address} ${PORT}`], foreign: 0 },
    run: async (lab) => {
      const args = ['--ftp-port', '-', '--max-time', '3', ...more];
      const results = await Promise.all(Array.from({ length: COUNT }, () => lab.client().curl(url, args)));
      return tally(results.map(({ exitCode }) => (exitCode === 0 ? 'ok' : `curl: ${exitCode}`)));
    },
  };
}
