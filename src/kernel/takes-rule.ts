/** What rules and helpers this kernel takes; nothing is changed to find out. */
import { tryCommand, tryNft } from './command.js';
import { TABLE } from './constants.js';

/** A rule, or a helper for connections by the body of an object that attaches it. */
export type Trial = { readonly rule: string } | { readonly helper: string };

/** Which of them it takes. All at once first, which most kernels do: each start of nft costs as much as many rules. */
export async function takesEach(trials: readonly Trial[]): Promise<boolean[]> {
  if (trials.length === 0) return [];
  const { code } = await tryCommand('nft', ['-c', '-f', '-'], textOf(trials));
  return code === 0 ? trials.map(() => true) : Promise.all(trials.map(takes));
}

/** Whether it takes one. Twice, since a failure that passes says nothing. */
export async function takes(trial: Trial): Promise<boolean> {
  return (await tryNft(textOf([trial]), ['-c'])).code === 0;
}

/** A table with a chain without a hook, checked only. */
function textOf(trials: readonly Trial[]): string {
  const probe = `inet ${TABLE}_probe`;
  const lines = trials.map((trial, index) =>
    'rule' in trial
      ? `add rule ${probe} c ${trial.rule}`
      : `add ct helper ${probe} h${index} { ${trial.helper} }`,
  );
  return [`add table ${probe}`, `add chain ${probe} c`, ...lines, ''].join('\n');
}
