/** A connection that is only imagined. */
import type { AddressWords } from '../model/address.js';

/** A connection that nobody has opened. */
export interface Imagined {
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** LOCAL: the gateway itself. */
  readonly interface: string;
}
