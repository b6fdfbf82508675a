// A virtual machine of this machine's own root file system with another kernel.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../setup/packages.mjs';
import { cpio } from './cpio.mjs';

const ENDED = /^vm: ended with (\d+)/;

const COMMON = [
  // One processor: emulated ones wait for each other, and for the host to run both.
  ...['-machine', 'q35', '-cpu', 'max', '-smp', '1', '-m', '2048'],
  // With KVM where there is any, a minute becomes seconds.
  ...['-accel', hasKvm() ? 'kvm' : 'tcg,thread=multi,tb-size=1024'],
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-nic', 'none', '-serial', 'stdio'],
];

/**
 * Boots the kernel of a folder (archive.mjs), runs a command there as root in the project's folder, and resolves to its exit code; null when the
 * time was over or the machine has ended before it. What it prints goes to `print`, line by line.
 */
export async function runInMachine(folder, command, seconds, print) {
  const work = mkdtempSync(join(tmpdir(), 'pathrace-vm-'));
  const initrd = join(work, 'initrd');
  const files = [
    { path: 'init', mode: 0o100755, content: guest('init.sh') },
    { path: 'run.sh', mode: 0o100644, content: program(command) },
  ];
  writeFileSync(initrd, Buffer.concat([readFileSync(join(folder, 'initrd.cpio')), cpio(files)]));
  let code = null;
  await boot(options(folder, initrd), seconds, (line) => {
    const ended = ENDED.exec(line);
    if (ended !== null) code = Number(ended[1]);
    // The rest is the kernel switching itself off.
    else if (code === null) print(line);
  });
  rmSync(work, { recursive: true, force: true });
  return code;
}

/** Runs a machine with these options, besides those that every one has, until it switches itself off or the time is over. */
export async function boot(options, seconds, print) {
  const machine = spawn('qemu-system-x86_64', [...COMMON, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => machine.kill('SIGKILL'), seconds * 1000);
  const onExit = () => machine.kill('SIGKILL');
  process.once('exit', onExit);
  let rest = '';
  machine.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).replaceAll('\r', '').split('\n');
    rest = lines.pop();
    for (const line of lines) print(line);
  });
  await new Promise((resolve) => machine.once('close', resolve));
  clearTimeout(timer);
  process.off('exit', onExit);
}

function guest(name) {
  return readFileSync(join(ROOT, 'scripts/kernels/guest', name), 'utf8');
}

function program(command) {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return `cd '${ROOT}'\nset -- ${quoted}\n${guest('run.sh')}`;
}

function options(folder, initrd) {
  const share = (tag, path) =>
    `local,path=${path},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`;
  return [
    ...['-virtfs', share('host', '/'), '-virtfs', share('layer', join(folder, 'layer'))],
    ...['-kernel', join(folder, 'vmlinuz'), '-initrd', initrd],
    ...[
      '-append',
      'console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc mitigations=off nokaslr no_timer_check audit=0',
    ],
  ];
}

function hasKvm() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
