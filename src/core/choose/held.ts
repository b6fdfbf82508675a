/** Destinations that an operator holds on a route: it carries them while it can, whatever is measured or remembered. */
import type { AddressWords } from '../../model/address.js';
import { Prefixes } from '../../model/prefixes.js';
import type { HeldDestination, RouteNumber } from '../engine-types.js';

/** BOUNDED: by whoever gives them (daemon/pins.ts: 256). Asking allocates nothing. */
export class HeldDestinations {
  private readonly prefixes = new Prefixes();
  private routes: readonly RouteNumber[] = [];

  set(held: readonly HeldDestination[]): void {
    this.prefixes.set(held.map(({ prefix }) => prefix));
    this.routes = held.map(({ route }) => route);
  }

  /** 0: it is held on none. */
  routeOf(destination: AddressWords): RouteNumber {
    if (this.routes.length === 0) return 0;
    const at = this.prefixes.indexOf(destination);
    return at < 0 ? 0 : this.routes[at];
  }
}
