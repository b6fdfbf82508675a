/** The questions of `pathrace init`, each with an answer that Enter gives. */
import { createInterface } from 'node:readline';
import type { CommandIo, Input } from '../io.js';
import { printable } from '../style.js';

/** Asks one question after the other on a terminal. */
export interface Questions {
  /** Until `problem` has none with the answer. Throws `Interrupted`. */
  ask(question: string, usual: string, problem?: (answer: string) => string | undefined): Promise<string>;
  close(): void;
}

/** Somebody has pressed Ctrl-C instead of an answer, or the input has ended. */
export class Interrupted extends Error {}

/** What is typed or pasted ahead. */
const MAX_AHEAD = 100;

export function openQuestions(input: Input, output: CommandIo['stdout']): Questions {
  const lines = createInterface({
    input: input as NodeJS.ReadableStream,
    output: output as unknown as NodeJS.WritableStream,
    terminal: true,
  });
  const ahead: string[] = []; // BOUNDED: MAX_AHEAD, the rest is not read.
  let isOver = false;
  let wake: (() => void) | null = null;
  lines.on('line', (line) => {
    if (ahead.length < MAX_AHEAD) ahead.push(line);
    wake?.();
  });
  lines.on('SIGINT', () => lines.close());
  lines.on('close', () => {
    isOver = true;
    wake?.();
  });

  async function next(): Promise<string> {
    if (ahead.length === 0 && !isOver) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const line = ahead.shift();
    if (line === undefined) throw new Interrupted();
    return line;
  }

  return {
    async ask(question, usual, problem = () => undefined) {
      for (;;) {
        const shown = usual === '' ? '' : ` [${printable(usual)}]`;
        if (!isOver) {
          lines.setPrompt(`${question}${shown}: `);
          lines.prompt();
        }
        const said = (await next()).trim();
        const answer = said === '' ? usual : said;
        const wrong = problem(answer);
        if (wrong === undefined) return answer;
        output.write(`  ${wrong}\n`);
      }
    },
    close: () => lines.close(),
  };
}
