/** All cases: an operator's own rules, and the programs that gateways have beside them. */
import type { Case } from './case.js';
import { DOCKER, DOCKER_ALONE } from './docker.js';
import { FIREWALLD } from './firewalld.js';
import { HELPER } from './helper.js';
import { LIBVIRT } from './libvirt.js';
import { RULES } from './rules.js';
import { TAILSCALE } from './tailscale.js';
import { UFW } from './ufw.js';
import { WG_QUICK, WG_QUICK_ALL } from './wg-quick.js';

export { type Answers, ask, type Case, type Installation, type Outcome, type Probe } from './case.js';
export {
  FAR,
  GROUND,
  INSIDE,
  NAMES,
  NEAR,
  NEAR6,
  OTHER,
  openGround,
  outside,
  TIME,
  tcp,
  udp,
  WEB,
} from './probes.js';
export { HELPER, RULES };

export const NEIGHBOURS: readonly Case[] = [
  UFW,
  FIREWALLD,
  DOCKER,
  DOCKER_ALONE,
  LIBVIRT,
  TAILSCALE,
  WG_QUICK,
  WG_QUICK_ALL,
];
