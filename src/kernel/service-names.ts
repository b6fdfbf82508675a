/**
 * Which numbers services have in the kernel. They are in the marks of living flows and in the names of sets, so a daemon goes on
 * with the numbers of the one before, whatever the order of its file.
 */
import { serviceOfChain } from './constants.js';
import { readObjects, readRuleComments } from './nft-read.js';

/** Names of services in the order of their numbers, '' where there is none; null: somebody has left numbers without names. */
export function readServiceNames(): string[] | null {
  const names: string[] = [];
  for (const { kind, name } of readObjects()) {
    const number = kind === 'chain' ? serviceOfChain(name) : 0;
    if (number === 0) continue;
    const [comment = ''] = readRuleComments(name);
    if (comment === '') return null;
    names[number - 1] = comment;
  }
  return Array.from(names, (name) => name ?? '');
}
