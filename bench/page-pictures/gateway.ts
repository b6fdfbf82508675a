/** The gateway of the pictures, as it is on a machine of its own: every path is the usual one, and none of them is this machine's. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab, Task } from '../../lab/index.js';
import { writeTokens } from '../../src/api/token-file.js';
import { makeToken } from '../../src/api/tokens.js';
import { CONFIGURATION } from './office.js';

export interface OfficeGateway {
  readonly task: Task;
  /** What somebody types who may operate it. */
  readonly token: string;
}

/** Compiled, this file is `dist/bench/page-pictures/gateway.js`. */
const PATHRACE = fileURLToPath(new URL('../../../bin/pathrace', import.meta.url));
const READY_WITHIN_MS = 40_000;

/**
 * `ip netns exec` gives every program mounts of its own. In these, /etc is seen through a layer that takes what is written, and the folders of
 * the socket and of what is kept are empty.
 */
const ON_ITS_OWN_MACHINE = `
mount -t tmpfs tmpfs "$1/layer"
mkdir "$1/layer/etc" "$1/layer/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/layer/etc,workdir=$1/layer/work" /etc
cp "$1/pathrace.yaml" "$1/pathrace.tokens" /etc
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /run
exec "$2" gateway --config /etc/pathrace.yaml`;

export async function startOfficeGateway(lab: Lab): Promise<OfficeGateway> {
  const { text, token } = makeToken('day-shift', 'operate');
  await writeTokens(join(lab.directory, 'pathrace.tokens'), [token]);
  writeFileSync(join(lab.directory, 'pathrace.yaml'), CONFIGURATION);
  await lab.gateway.must(['mkdir', join(lab.directory, 'layer')]);
  const task = lab.gateway.spawn(['sh', '-ec', ON_ITS_OWN_MACHINE, 'sh', lab.directory, PATHRACE]);
  await task.waitForLine(/^ready/, READY_WITHIN_MS);
  return { task, token: text };
}
