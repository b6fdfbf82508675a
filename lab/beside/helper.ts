/** Connection-tracking helpers: the server opens a second connection, which the helper has announced. */
import { type Case, ROUNDS } from './case.js';
import { NEAR, tally } from './probes.js';

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
    {
      name: 'active FTP',
      expected: { answers: { ok: ROUNDS * COUNT }, reached: [`${NEAR} ${PORT}`], foreign: 0 },
      run: async (lab) => {
        const args = ['--ftp-port', '-', '--disable-eprt', '--max-time', '6'];
        const results = await Promise.all(
          Array.from({ length: COUNT }, () => lab.client().curl(`ftp://${NEAR}/file`, args)),
        );
        return tally(results.map(({ exitCode }) => (exitCode === 0 ? 'ok' : `curl: ${exitCode}`)));
      },
    },
  ],
};
