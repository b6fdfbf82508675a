/** The questions of `pathrace init`, each with an answer that Enter gives. */
import { createInterface, type Interface } from 'node:readline/promises';
import type { CommandIo, Input } from '../io.js';
import { printable } from '../style.js';

/** Asks one question after the other on a terminal. */
export interface Questions {
  /** Until `problem` has none with the answer; Ctrl-C and the end of the input are `Interrupted`. */
  ask(question: string, usual: string, problem?: (answer: string) => string | undefined): Promise<string>;
  close(): void;
}

/** Somebody has pressed Ctrl-C instead of an answer. */
export class Interrupted extends Error {}

export function openQuestions(input: Input, output: CommandIo['stdout']): Questions {
  const stream = output as unknown as NodeJS.WritableStream;
  const lines: Interface = createInterface({
    input: input as NodeJS.ReadableStream,
    output: stream,
    terminal: true,
  });
  const abort = new AbortController();
  lines.on('SIGINT', () => abort.abort());
  lines.on('close', () => abort.abort());
  return {
    async ask(question, usual, problem = () => undefined) {
      for (;;) {
        const shown = usual === '' ? '' : ` [${printable(usual)}]`;
        const said = await lines.question(`${question}${shown}: `, { signal: abort.signal }).catch(() => {
          throw new Interrupted();
        });
        const answer = said.trim() === '' ? usual : said.trim();
        const wrong = problem(answer);
        if (wrong === undefined) return answer;
        output.write(`  ${wrong}\n`);
      }
    },
    close: () => lines.close(),
  };
}
