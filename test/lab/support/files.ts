/** Servers of files, for the tests of what belongs to a control connection. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, ServerHost } from '../../../lab/index.js';

export const FILE_BYTES = 50_000;

/** vsftpd with a file of FILE_BYTES, for everybody. */
export async function ftpServer(lab: Lab, host: ServerHost, port: number): Promise<void> {
  const home = join(lab.directory, `ftp-${port}`);
  mkdirSync(join(home, 'empty'), { recursive: true });
  writeFileSync(join(home, 'file'), 'x'.repeat(FILE_BYTES));
  chmodSync(lab.directory, 0o755);
  chmodSync(home, 0o555);
  const settings = [
    ...['listen=NO', 'listen_ipv6=YES', `listen_port=${port}`, 'background=NO', 'seccomp_sandbox=NO'],
    ...['anonymous_enable=YES', 'no_anon_password=YES', 'ftp_username=ftp', `anon_root=${home}`],
    ...['port_enable=YES', 'connect_from_port_20=YES', `secure_chroot_dir=${join(home, 'empty')}`],
  ];
  const file = join(lab.directory, `vsftpd-${port}.conf`);
  writeFileSync(file, `${settings.join('\n')}\n`);
  host.spawn(['vsftpd', file]);
  for (let i = 0; i < 100; i++) {
    if ((await host.must(['ss', '-Hltn'])).includes(`:${port} `)) return;
    await sleep(50);
  }
  throw new Error(`no FTP server at ${port}`);
}

/** Ten blocks: each is a round trip. */
export const BOOT_BYTES = 5000;

/** in.tftpd with a file of BOOT_BYTES; it answers from a port of its own. */
export async function tftpServer(lab: Lab, host: ServerHost, address: string): Promise<void> {
  const home = join(lab.directory, 'tftp');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'file'), 'x'.repeat(BOOT_BYTES));
  chmodSync(lab.directory, 0o755);
  host.spawn(['in.tftpd', '--foreground', '--address', `${address}:69`, '--secure', '--user', 'root', home]);
  for (let i = 0; i < 100; i++) {
    if ((await host.must(['ss', '-Hlun'])).includes(':69 ')) return;
    await sleep(50);
  }
  throw new Error('no TFTP server');
}
