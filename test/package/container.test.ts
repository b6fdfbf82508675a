/** The container file where an engine runs: built, and its gateway asked for its version. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const PATH = 'deploy/container/Containerfile';

const engine = ['podman', 'docker'].find(
  (name) => spawnSync(name, ['info'], { stdio: 'ignore' }).status === 0,
);
const why =
  engine === undefined ? ' (no engine runs here: neither `podman info` nor `docker info` succeeds)' : '';

test.runIf(engine !== undefined)(`it is built${why}`, { timeout: 1_800_000 }, () => {
  const tag = 'pathrace-test';
  const cwd = new URL('.', ROOT);
  const built = spawnSync(engine!, ['build', '-f', PATH, '-t', tag, '.'], { cwd, encoding: 'utf8' });
  expect([built.status, built.stderr.slice(-2000)]).toEqual([0, expect.anything()]);
  const said = spawnSync(engine!, ['run', '--rm', '--network', 'none', tag, '--version'], {
    encoding: 'utf8',
  });
  expect(said.stdout).toMatch(/^[0-9]+\.[0-9]+/);
  spawnSync(engine!, ['rmi', '-f', tag]);
});
