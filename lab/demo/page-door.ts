/**
 * The way from a browser on this machine to the page of the demo's gateway, which lives in a namespace of its own. Two small relays with a
 * Unix socket between them: one out here on a port of the loopback address, one in there. The outer one is a process that is started before the
 * demo becomes root of a user namespace, since it would be in another network afterwards. The same port number on both sides: the gateway
 * refuses whoever calls it by another name.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.js';

export interface PageDoor {
  /** On the loopback address, both outside and in the gateway's namespace. */
  readonly port: number;
  /** The Unix socket between both relays. */
  readonly socket: string;
}

const DOOR = 'PATHRACE_DEMO_DOOR';
const OUTSIDE = fileURLToPath(new URL('../children/door-outside.js', import.meta.url));
const READY_MS = 3000;

/** Opens it, or finds that of the process that started this one; null where there can be none: the demo goes on without. */
export async function openPageDoor(env: NodeJS.ProcessEnv = process.env): Promise<PageDoor | null> {
  const open = readDoor(env[DOOR]);
  if (open !== null) return open;
  const socket = join(mkdtempSync(join(tmpdir(), 'pathrace-page-')), 'door');
  // It ends when its standard input does: with this process.
  const child = spawn(process.execPath, [OUTSIDE, socket], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () => undefined);
  const port = await new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), READY_MS);
    const settle = (value: number | null): void => {
      clearTimeout(timer);
      resolve(value);
    };
    child.stdout.setEncoding('utf8').once('data', (line: string) => settle(Number(line) || null));
    child.once('close', () => settle(null));
  });
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref(): void }).unref();
  if (port === null) return null;
  env[DOOR] = `${port}:${socket}`;
  return { port, socket };
}

/** The inner relay: a process in the gateway's namespace that ends with the lab. */
export async function joinPageDoor(lab: Lab, { port, socket }: PageDoor): Promise<void> {
  await lab.gateway.child('children/door-inside').ask('open', { port, socket });
}

/** What the gateway has to be told to serve it. */
export function pageConfig(door: PageDoor | null): Readonly<Record<string, unknown>> {
  if (door === null) return {};
  return {
    api: { listen: [`127.0.0.1:${door.port}`], anonymous: 'read' },
    // Every connection is raced, as without the page, and what was measured is remembered for its heat map.
    memory: { trust: '20ms', refresh: 0, stagger: 'never', store: 'none' },
    race: { perDestination: 'none' },
    services: [{ name: 'everything', match: { tcp: 'any' }, select: 'race', affinity: 'none' }],
  };
}

function readDoor(text: string | undefined): PageDoor | null {
  const found = /^(\d+):(.+)$/.exec(text ?? '');
  return found === null ? null : { port: Number(found[1]), socket: found[2] as string };
}
