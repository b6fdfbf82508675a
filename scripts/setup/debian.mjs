// The programs that the lab runs, from Debian's packages.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { env, getuid } from 'node:process';
import { quietly, SetupError, say } from './packages.mjs';

/** What each program is for, and who needs it. */
const PROGRAMS = [
  {
    program: 'ip',
    package: 'iproute2',
    why: 'network namespaces and routes',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'nft',
    package: 'nftables',
    why: 'the rules of the kernel',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'ethtool',
    package: 'ethtool',
    why: 'the lab’s links',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'sysctl',
    package: 'procps',
    why: 'settings of the lab’s machines',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'setpriv',
    package: 'util-linux',
    why: 'ending programs with the lab',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'unshare',
    package: 'util-linux',
    why: 'a lab without root',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  {
    program: 'mount',
    package: 'mount',
    why: 'a lab without root',
    for: ['demo', 'test', 'bench', 'kernels'],
  },
  { program: 'nginx', package: 'nginx-light', why: 'the lab’s web servers', for: ['demo', 'test', 'bench'] },
  { program: 'curl', package: 'curl', why: 'a client in the lab', for: ['demo', 'test'] },
  { program: 'wrk', package: 'wrk', why: 'load in the lab', for: ['test', 'bench'] },
  { program: 'iperf3', package: 'iperf3', why: 'throughput in the lab', for: ['test', 'bench', 'kernels'] },
  {
    program: 'conntrack',
    package: 'conntrack',
    why: 'the kernel’s flows, as somebody else reads them',
    for: ['test', 'kernels'],
  },
  { program: 'vsftpd', package: 'vsftpd', why: 'an FTP server in the lab', for: ['test'] },
  { program: 'sipp', package: 'sip-tester', why: 'calls of SIP', for: ['test'] },
  {
    program: 'gst-launch-1.0',
    package: 'gstreamer1.0-tools',
    // Its server has no program of its own.
    with: [
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gir1.2-gst-rtsp-server-1.0',
      'python3-gi',
    ],
    why: 'a client and a server of RTSP',
    for: ['test'],
  },
  { program: 'in.tftpd', package: 'tftpd-hpa', why: 'a TFTP server in the lab', for: ['test'] },
  { program: 'chromium', package: 'chromium', why: 'a browser that opens the page', for: ['browser'] },
  { program: 'dig', package: 'bind9-dnsutils', why: 'a client that asks name servers', for: ['test'] },
  { program: 'gtlsclient', package: 'ngtcp2-client', why: 'a client of HTTP/3', for: ['test'] },
  { program: 'gtlsserver', package: 'ngtcp2-server', why: 'a server of HTTP/3', for: ['test'] },
  { program: 'turnserver', package: 'coturn', why: 'a STUN server and its client', for: ['test'] },
  { program: 'iptables-nft', package: 'iptables', why: 'rules of other programs', for: ['test'] },
  { program: 'nc', package: 'netcat-openbsd', why: 'a client in the lab', for: ['test', 'kernels'] },
  { program: 'ping', package: 'iputils-ping', why: 'a client in the lab', for: ['test', 'bench'] },
  {
    program: 'iptables',
    package: 'iptables',
    why: 'rules of other programs beside the gateway',
    for: ['test', 'bench'],
  },
  { program: 'ufw', package: 'ufw', why: 'a firewall beside the gateway', for: ['test', 'bench'] },
  {
    program: 'firewalld',
    package: 'firewalld',
    why: 'a firewall beside the gateway',
    for: ['test', 'bench'],
  },
  {
    program: 'wg-quick',
    package: 'wireguard-tools',
    why: 'a tunnel beside the gateway',
    for: ['test', 'bench'],
  },
  {
    program: 'wireguard-go',
    package: 'wireguard-go',
    why: 'a tunnel on kernels without WireGuard',
    for: ['test', 'bench'],
  },
  // With promtool, which checks what it is given.
  { program: 'prometheus', package: 'prometheus', why: 'scrapes of the metrics', for: ['test'] },
  { program: 'tc', package: 'iproute2', why: 'delays in a virtual machine', for: ['kernels'] },
  {
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    why: 'virtual machines with other kernels',
    for: ['kernels', 'systemd'],
  },
  { program: 'mmdebstrap', package: 'mmdebstrap', why: 'a fresh Debian', for: ['systemd', 'package-test'] },
  { program: 'dpkg-shlibdeps', package: 'dpkg-dev', why: 'what a package depends on', for: ['package'] },
  { program: 'lintian', package: 'lintian', why: 'what Debian says of a package', for: ['package-test'] },
  { program: 'mandoc', package: 'mandoc', why: 'what is wrong in a manual page', for: ['package-test'] },
  { program: 'strip', package: 'binutils', why: 'programs without what debuggers read', for: ['package'] },
  { program: 'mke2fs', package: 'e2fsprogs', why: 'the disk of a virtual machine', for: ['systemd'] },
];

/** Debian keeps these out of the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The PATH with the folders of system programs. */
export function systemPath() {
  const folders = (env.PATH ?? '').split(':').filter((folder) => folder !== '');
  return [...folders, ...SYSTEM_FOLDERS.filter((folder) => !folders.includes(folder))].join(':');
}

/** Installs with apt-get what is missing for `purpose` (demo, test, browser, bench, kernels, systemd, package or package-test), or says what to install by hand. */
export function installPrograms(purpose) {
  const missing = PROGRAMS.filter((each) => each.for.includes(purpose) && !isInstalled(each.program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((each) => [each.package, ...(each.with ?? [])]))];
  const root = asRoot();
  if (!isInstalled('apt-get') || root === undefined) {
    const programs = missing.map(({ program }) => program).join(', ');
    const why = isInstalled('apt-get') ? 'only root can install it' : 'there is no apt-get here';
    throw new SetupError(
      `missing: ${programs}; ${why}. Install it by hand, then try again (Debian: apt-get install ${packages.join(' ')}).`,
    );
  }
  for (const name of packages) {
    const reasons = missing
      .filter((each) => each.package === name || each.with?.includes(name))
      .map(({ why }) => why);
    say(`installing the Debian package ${name}: ${[...new Set(reasons)].join(', ')} ...`);
  }
  const [command, ...args] = [...root, 'sh', '-c', INSTALL, 'sh', ...packages];
  quietly(command, args, `apt-get could not install ${packages.join(' ')}; above is what it said.`);
  const still = missing.filter(({ program }) => !isInstalled(program));
  if (still.length > 0)
    throw new SetupError(`still missing: ${still.map(({ program }) => program).join(', ')}`);
}

/**
 * Debian starts a service when it is installed, and at every boot. The lab runs its own nginx and firewalls in its own namespaces, so
 * policy-rc.d forbids the start, and a service that was not there before is switched off.
 */
const INSTALL = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
get() { apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"; }
get install --no-install-recommends "$@" || { get update && get install --no-install-recommends "$@"; }
for package in "$@"; do
  case $package in
    nginx-light) service=nginx ;;
    ufw | firewalld | coturn | tftpd-hpa | prometheus) service=$package ;;
    *) continue ;;
  esac
  if command -v systemctl >/dev/null; then systemctl disable "$service" || true; fi
done
`;

/** What to put before a command so that root runs it: nothing, sudo where it asks no questions, undefined where neither goes. */
function asRoot() {
  if (getuid() === 0) return [];
  const { status } = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return status === 0 ? ['sudo', '-n'] : undefined;
}

function isInstalled(program) {
  return systemPath()
    .split(':')
    .some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
