/** Rules in the words of iptables-save, loaded by iptables itself. */
import type { Host } from '../host.js';
import { addingTables, unlimitedIcmp } from './own-files.js';

export interface Loaded {
  /** Away and there again: in their place among others they are the last. */
  reload(): Promise<void>;
  remove(): Promise<void>;
}

/** Loads them beside what is there. */
export async function loadTables(host: Host, rules: string): Promise<Loaded> {
  const limitIcmp = await unlimitedIcmp(host);
  const load = (): Promise<() => Promise<void>> =>
    addingTables(host, () => host.must(['iptables-restore', '--noflush'], { input: rules }));
  let remove = await load();
  return {
    reload: async () => {
      await remove();
      remove = await load();
    },
    remove: async () => {
      await remove();
      await limitIcmp();
    },
  };
}
