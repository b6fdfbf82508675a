/** What rules this kernel takes. */
import { tryNft } from './command.js';
import { TABLE } from './constants.js';

/** Whether it takes a rule in a chain without a hook; nothing is changed to find out. Twice, since a failure that passes says nothing. */
export async function takesRule(rule: string): Promise<boolean> {
  const probe = `${TABLE}_probe`;
  const text = `add table inet ${probe}\nadd chain inet ${probe} c\nadd rule inet ${probe} c ${rule}\n`;
  return (await tryNft(text, ['-c'])).code === 0;
}

/** Whether it has a helper for connections, by the body of an object that attaches it. */
export async function takesHelper(body: string): Promise<boolean> {
  const probe = `${TABLE}_probe`;
  return (
    (await tryNft(`add table inet ${probe}\nadd ct helper inet ${probe} h { ${body} }\n`, ['-c'])).code === 0
  );
}
