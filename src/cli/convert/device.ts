/** Names of devices that a converted configuration can have. */
import { parseInterface } from '../../config/values/texts.js';

/** `local` is the gateway itself in our files, so that no interface can be called so there. */
export function isDevice(name: string): boolean {
  return 'value' in parseInterface(name) && name !== 'local';
}
