/** Breaks things in a running daemon when told: its threads, its netlink calls, the tools that it runs. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIST = new URL('../../../dist/src/', import.meta.url).href;

/**
 * How a race thread ends, or what happens in the main thread. `boundary`: a thousand errors are caught in it. `exit`: at once, without a
 * word. `rejection` and `exception`: nobody has caught them.
 */
export type Break = 'boundary' | 'exit' | 'thread-rejection' | 'thread-exception' | 'rejection' | 'exception';

const CALLS = ['tools', 'netlink', 'guard'] as const;

export class Breakage {
  private readonly folder = mkdtempSync(join(tmpdir(), 'pathrace-breakage-'));

  /** `unlimited`: the race thread may end as often as it likes. */
  constructor(unlimited = false) {
    writeFileSync(this.preload, preload(this.folder, unlimited));
    for (const tool of ['nft', 'ip'])
      writeFileSync(join(this.folder, tool), wrapper(this.folder, tool), { mode: 0o755 });
  }

  /** For `GatewayLabOptions`. */
  get preload(): string {
    return join(this.folder, 'break.mjs');
  }

  get env(): Record<string, string> {
    return { PATH: `${this.folder}:${process.env.PATH}` };
  }

  /** Breaks once, or until `heal`. */
  now(what: Break, often: 'once' | 'always' = 'once'): void {
    writeFileSync(join(this.folder, what), often);
  }

  /**
   * The n-th call from now on fails, once: of `nft` and `ip`, or of netlink in the main thread; `guard`: of that what looks at the guard every
   * second. `late`: after it has done its work.
   */
  failCall(of: (typeof CALLS)[number], n: number, late = false): void {
    rmSync(join(this.folder, 'fired'), { force: true });
    writeFileSync(join(this.folder, of), `${n}${late ? ' late' : ''}\n`);
  }

  /** What has failed since `failCall`; null: nothing, and nothing will. */
  disarm(): string | null {
    for (const of of CALLS) rmSync(join(this.folder, of), { force: true });
    const fired = join(this.folder, 'fired');
    return existsSync(fired) ? readFileSync(fired, 'utf8') : null;
  }

  /** Tools take this long more. */
  slowTools(seconds: number): void {
    if (seconds === 0) rmSync(join(this.folder, 'slow'), { force: true });
    else writeFileSync(join(this.folder, 'slow'), String(seconds));
  }

  /**
   * From now on whoever opens one of the files for writing, or for reading, waits until `hangDisk(null)`: a thread with it. `.store` is the
   * memory's, `.state` that of commands and quotas.
   */
  hangDisk(
    of: 'writes' | 'reads' | null,
    files: readonly ('.store' | '.state')[] = ['.store', '.state'],
  ): void {
    for (const kind of ['writes', 'reads']) rmSync(join(this.folder, `hang-${kind}`), { force: true });
    const pipe = join(this.folder, 'hanging');
    if (!existsSync(pipe)) execFileSync('mkfifo', [pipe]);
    if (of !== null) writeFileSync(join(this.folder, `hang-${of}`), files.join(' '));
    else wake(pipe);
  }

  heal(): void {
    this.hangDisk(null);
    for (const name of BREAKS) rmSync(join(this.folder, name), { force: true });
    this.slowTools(0);
    this.disarm();
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Whoever waits for a writer goes on. */
function wake(pipe: string): void {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // Nobody waits.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
  }
}

const BREAKS: readonly Break[] = [
  'boundary',
  'exit',
  'thread-rejection',
  'thread-exception',
  'rejection',
  'exception',
];

function preload(folder: string, unlimited: boolean): string {
  return `
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
const due = (name) => {
  const path = '${folder}/' + name;
  if (!existsSync(path)) return false;
  if (readFileSync(path, 'utf8') === 'once') rmSync(path);
  return true;
};
if (process.argv.includes('gateway') && isMainThread) {
  ${unlimited ? `(await import('${DIST}daemon/restart-limit.js')).RestartLimit.prototype.allows = () => true;` : ''}
  setInterval(() => {
    if (due('rejection')) Promise.reject(new Error('a rejection of the test'));
    if (due('exception')) throw new Error('an exception of the test');
  }, 50).unref();
  const { open } = fsp;
  fsp.open = (path, ...rest) => {
    const list = '${folder}/hang-' + (String(path).endsWith('.tmp') ? 'writes' : 'reads');
    const hung = existsSync(list) ? readFileSync(list, 'utf8').split(' ') : [];
    if (!hung.some((name) => String(path).includes(name))) return open(path, ...rest);
    return open('${folder}/hanging', 'r').then((pipe) => pipe.close()).then(() => open(path, ...rest));
  };
  syncBuiltinESMExports();
  const { NetlinkSocket } = await import('${DIST}kernel/netlink-socket.js');
  const { request } = NetlinkSocket.prototype;
  NetlinkSocket.prototype.request = function (...args) {
    const path = '${folder}/' + (new Error().stack.includes('GuardWatch') ? 'guard' : 'netlink');
    if (!existsSync(path)) return request.apply(this, args);
    const [left, late] = readFileSync(path, 'utf8').trim().split(' ');
    if (left !== '1') {
      writeFileSync(path, Number(left) - 1 + (late ? ' late' : ''));
      return request.apply(this, args);
    }
    rmSync(path);
    writeFileSync('${folder}/fired', new Error('netlink').stack);
    if (late) request.apply(this, args);
    else this.writer.length = 0;
    return 105;
  };
} else if (!isMainThread) {
  const { Boundary } = await import('${DIST}kernel/boundary.js');
  const { run } = Boundary.prototype;
  Boundary.prototype.run = function (what, work) {
    if (due('exit')) process.exit(3);
    if (due('thread-rejection')) Promise.reject(new Error('a rejection of the test'));
    if (due('thread-exception')) setTimeout(() => { throw new Error('an exception of the test'); });
    if (due('boundary')) for (let i = 0; i < 1000; i++) this.caught(what, new Error('broken by the test'));
    run.call(this, what, work);
  };
}
`;
}

/** Runs the tool of the same name that comes later in the PATH. */
function wrapper(folder: string, tool: string): string {
  return `#!/bin/sh
PATH=\${PATH#*:}
[ -e ${folder}/slow ] && sleep "$(cat ${folder}/slow)"
exec 9>${folder}/lock
flock 9
if read -r left late 2>/dev/null <${folder}/tools; then
  if [ "$left" = 1 ]; then
    rm ${folder}/tools
    exec 9>&-
    echo ${tool} "$@" >${folder}/fired
    [ -n "$late" ] && ${tool} "$@" >/dev/null 2>&1
    echo 'Error: made to fail by the test' >&2
    exit 1
  fi
  echo $((left - 1)) $late >${folder}/tools
fi
exec 9>&-
exec ${tool} "$@"
`;
}
