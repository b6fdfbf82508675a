/**
 * Our nft table between two states. A change has three steps: the new state is declared beside the old one's sets and maps, whoever
 * writes to those goes over to the new ones, the old ones go. Each may be repeated, and each may fail: the next declaration goes
 * on from what is there.
 */
import { applyNftState, type Replacement } from './apply.js';
import { runCommand } from './command.js';
import type { DesiredState } from './desired.js';
import { readObjects } from './nft-read.js';
import { renderNft } from './render.js';
import { namesOf, renderSweep } from './render-sweep.js';

/** `anew`: the table is a new one, with empty sets and maps. */
export type Declared = 'same' | 'changed' | 'anew';

export class Ruleset {
  private state: DesiredState | null = null;
  private text = '';
  /** Names of what the state has; what else is in the table has to go. */
  private names = '';
  private isSwept = false;
  /** Of a declaration that has failed halfway: the next does it as a whole. */
  private owed: { readonly lost: boolean; readonly replacement: Replacement } | null = null;

  /** The first step. `lost`: somebody has removed the table. */
  async declare(state: DesiredState, lost = false): Promise<Declared> {
    const text = renderNft(state);
    const before = this.state;
    if (!lost && this.owed === null && before !== null && text === this.text) return 'same';
    const names = namesOf(state).join();
    // Nobody knows what a declaration that has failed has left: it may be there all the same.
    const isUnknown = lost || this.owed !== null;
    this.owed = {
      replacement: { isNew: false, settings: null },
      ...this.owed,
      lost: lost || this.owed?.lost === true,
    };
    const { lost: isLost, replacement } = this.owed;
    if (isUnknown || names !== this.names) this.isSwept = false;
    await applyNftState(state, isUnknown ? null : before, replacement);
    this.owed = null;
    [this.state, this.text, this.names] = [state, text, names];
    return before !== null && (isLost || replacement.isNew) ? 'anew' : 'changed';
  }

  /**
   * The last step: what is in the table and not in the declared state goes; twice, since a failure that passes is none. Null, or why it
   * has to be tried again: what is in force does not depend on it.
   */
  async sweep(): Promise<string | null> {
    let why: string | null = null;
    for (let attempt = 0; attempt < 2 && !this.isSwept && this.state !== null; attempt++) {
      try {
        const text = renderSweep(readObjects(), this.state);
        if (text !== '') await runCommand('nft', ['-f', '-'], text);
        this.isSwept = true;
        why = null;
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
    }
    return why;
  }
}
