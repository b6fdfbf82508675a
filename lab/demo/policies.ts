/** Puts a policy into force in the lab's gateway: the real daemon, or plain kernel NAT. */
import { fileURLToPath } from 'node:url';
import { PathraceError } from '../../src/model/errors.js';
import type { Task } from '../exec.js';
import type { Lab } from '../lab.js';
import { plainNat, plainNatRoundRobin } from '../nat.js';
import { type PageDoor, pageConfig } from './page-door.js';
import { type Policy, policyName } from './phases.js';

export interface Installed {
  readonly name: string;
  remove(): Promise<void>;
}

export async function install(lab: Lab, policy: Policy, door: PageDoor | null): Promise<Installed> {
  const name = policyName(policy);
  switch (policy.kind) {
    case 'race':
      return { name, remove: await startGateway(lab, door) };
    case 'single':
      return { ...(await plainNat(lab, policy.provider)), name };
    case 'round-robin':
      return { ...(await plainNatRoundRobin(lab)), name };
  }
}

/** Compiled, this file is `dist/lab/demo/policies.js`. */
const PATHRACE = fileURLToPath(new URL('../../../bin/pathrace', import.meta.url));
const READY_WITHIN_MS = 20_000;

/** The result ends it, and fails when it had not run until then or does not end as it should. */
async function startGateway(lab: Lab, door: PageDoor | null): Promise<() => Promise<void>> {
  const config = lab.configYaml({ log: { level: 'warn' }, ...pageConfig(door) });
  const task = lab.gateway.spawn([PATHRACE, 'gateway', '--config', config]);
  await task.waitForLine(/^ready/, READY_WITHIN_MS).catch(() => complain(task, 'did not start'));
  return async () => {
    if (task.child.exitCode !== null) complain(task, `ended by itself with ${task.child.exitCode}`);
    const { code, signal } = await task.stop();
    if (code !== 0) complain(task, `ended with ${code ?? signal} on SIGTERM`);
  };
}

function complain(task: Task, what: string): never {
  const words = task.stderr().trim().split('\n').slice(-3).join(' | ');
  throw new PathraceError('E_LAB', `The demo's gateway ${what}. It said: ${words || 'nothing'}`);
}
