/** What holds the next connections between two ends on a route, and until when: as the kernel has it now. */
import type { DecisionPin } from '../api/contract.js';
import { dateText, monotonicMs } from '../kernel/clock.js';
import type { FoundElement } from '../kernel/element-lookup.js';
import { routeOfMark } from '../kernel/marks.js';
import { type AddressWords, familyOf, formatAddress } from '../model/address.js';
import { makesCopies, type ServiceConfig } from '../model/config.js';
import { isOfTunnel, PPTP_PORT } from '../model/tunnels.js';
import { PROTOCOL } from '../wire/packet.js';
import type { GatewayState } from './gateway-state.js';
import { type Ends, findFollowed, findGroup, findTunnel, isOpen, Neighbours } from './kept-together.js';
import { saidBy } from './spoken.js';
import type { InForce } from './take-over.js';

/** A connection, as far as it matters here. */
export interface Held extends Ends {
  /** Number of IP. */
  readonly protocol: number;
  readonly port: number;
  /** Name of its service; null: none has taken it. */
  readonly service: string | null;
}

/** For one answer: what is asked for twice is looked up once. */
export class Holders {
  private readonly neighbours = new Neighbours();
  // BOUNDED: by the connections of the answer.
  private readonly known = new Map<string, Promise<DecisionPin | null>>();

  constructor(private readonly gateway: InForce) {}

  /** null: nothing holds them. */
  of(held: Held): Promise<DecisionPin | null> {
    const { client, destination, protocol, port, service } = held;
    const key = [formatAddress(client), formatAddress(destination), protocol, port, service].join(' ');
    const found = this.known.get(key) ?? this.find(held);
    this.known.set(key, found);
    return found;
  }

  /** In the order in which the rules ask. */
  private async find(held: Held): Promise<DecisionPin | null> {
    const { protocol, port, destination } = held;
    const hasPorts = protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP;
    const call = hasPorts ? this.pin(held, findFollowed(held, protocol, port), 'control') : null;
    if (call !== null) return call;
    const isTunnel = isOfTunnel(protocol, port);
    const follows = isTunnel || (protocol === PROTOCOL.TCP && port === PPTP_PORT);
    const tunnel = follows ? this.pin(held, findTunnel(held), 'tunnel') : null;
    if (tunnel !== null) return tunnel;
    const service = this.gateway.desired().services.find(({ config }) => config.name === held.service);
    if (service === undefined || service.config.select.criterion === 'rest') return null;
    const command = isTunnel ? null : heldPin(this.gateway, service.config, destination);
    if (command !== null) return command;
    if (saidBy(service.config, protocol, port).isQuestion) return null;
    const group = this.pin(held, await findGroup(service, held, this.neighbours), 'group');
    if (group === null || !service.config.select.routes.includes(group.route)) return null;
    return { ...group, group: service.config.affinity };
  }

  private pin({ destination }: Held, found: FoundElement | null, by: DecisionPin['by']): DecisionPin | null {
    if (found?.value == null) return null;
    // A tunnel's is the mark of its last flow.
    if (by !== 'tunnel' && !isOpen(familyOf(destination), found.value)) return null;
    const { config, numbers, desired } = this.gateway;
    const name = numbers.routes.nameOf(routeOfMark(desired().marks, found.value));
    if (name === null || !config.routes.some((route) => route.name === name)) return null;
    return { route: name, until: untilOf(found.leftMs), by };
  }
}

/** By command: only where the best route is asked for, and the service has that route; null: nothing does. */
export function heldPin(
  { pins }: Pick<GatewayState, 'pins'>,
  { select }: ServiceConfig,
  destination: AddressWords,
): DecisionPin | null {
  const pin = pins.of(formatAddress(destination));
  if (pin === undefined || !makesCopies(select.criterion) || !select.routes.includes(pin.route)) return null;
  return { route: pin.route, until: dateText(pin.untilMs), by: 'command' };
}

/** The date of what lasts so much longer; null: it does not say. */
export function untilOf(leftMs: number | null): string | null {
  return leftMs === null ? null : dateText(monotonicMs() + leftMs);
}
