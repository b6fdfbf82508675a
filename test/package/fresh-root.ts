/** A fresh Debian in a folder, and commands in it: without a network, or on a machine of the lab. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = fileURLToPath(new URL('../../out', import.meta.url));
/** Made by `npm run test:package`. */
const DEBIAN = join(OUT, 'package/debian');

/** Packages that it has built: the one to give away, the same built again, and what comes after it. */
export function packages(version: string): { file: string; again: string; next: string } {
  const name = (of: string): string => `pathrace_${of}_amd64.deb`;
  return {
    file: join(OUT, name(version)),
    again: join(OUT, 'package/again', name(version)),
    next: join(OUT, 'package/again', name(`${version}+next`)),
  };
}

export class FreshRoot {
  constructor(readonly folder = join(OUT, 'package/root')) {
    this.remove();
    // Device files and owners as they are.
    spawnSync('cp', ['-a', DEBIAN, folder]);
  }

  /** A path of it, as this machine has it. */
  at(path: string): string {
    return join(this.folder, path);
  }

  take(file: string, path: string): void {
    cpSync(file, this.at(path));
  }

  /** What runs a command inside, with kernel file systems of the network namespace that it is run in. */
  inside(command: readonly string[]): string[] {
    const script = `
      mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"
      exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive chroot "$0" "$@"`;
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, this.folder, ...command];
  }

  /** Runs one where there is no network at all. */
  alone(command: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    const [program, ...args] = ['unshare', '--net', ...this.inside(command)];
    return spawnSync(program, args, { encoding: 'utf8' });
  }

  /** Every path of it but what dpkg itself writes of every package, sorted. */
  paths(): string[] {
    // `find` follows no link; one of them names /run, which would be this machine's.
    const { stdout } = spawnSync('find', ['.', '-xdev', '-mindepth', '1'], {
      cwd: this.folder,
      encoding: 'utf8',
    });
    const found = stdout.split('\n').map((path) => path.slice(2));
    return found
      .filter((path) => !/^(proc|sys|dev)\/|^var\/lib\/dpkg\/|^var\/log\/dpkg\.log$/.test(path))
      .sort();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
