/** What rules this kernel takes. */
import { tryCommand } from './command.js';
import { TABLE } from './constants.js';

/** Whether it takes a rule in a chain without a hook; nothing is changed to find out. */
export async function takesRule(rule: string): Promise<boolean> {
  const probe = `${TABLE}_probe`;
  const text = `add table inet ${probe}\nadd chain inet ${probe} c\nadd rule inet ${probe} c ${rule}\n`;
  return (await tryCommand('nft', ['-c', '-f', '-'], text)).code === 0;
}
