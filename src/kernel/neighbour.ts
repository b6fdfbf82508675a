/** What the kernel knows of a next hop. */
import { runCommand } from './command.js';

/** Whether a neighbour has answered a moment ago. */
export async function readNeighbour(device: string, address: string): Promise<boolean> {
  const text = await runCommand('ip', ['-j', 'neigh', 'show', address, 'dev', device]).catch(() => '');
  if (text.trim() === '') return false;
  const found = JSON.parse(text) as { state?: string[] }[];
  return found.some(({ state }) => state?.includes('REACHABLE') === true);
}
