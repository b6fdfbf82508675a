/** Words and macros of man(7), so that what a text contains is never taken for one of them. */
import { wrapped } from '../../model/columns.js';

/** A text for the inside of a line. */
export function roffText(text: string): string {
  // A hyphen that can be copied into a shell; a line that begins with a dot or a quote would be a request.
  const escaped = text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/’/g, '\\(cq')
    .replace(/…/g, '\\&...');
  return escaped.replace(/^([.'])/gm, '\\&$1');
}

/** A request with arguments, which may contain spaces. */
export function roffLine(macro: string, ...words: readonly string[]): string {
  const quoted = words.map((word) => `"${roffText(word).replace(/"/g, '""')}"`);
  return `${[`.${macro}`, ...quoted].join(' ')}\n`;
}

/** A paragraph; what stands between backquotes is bold, as something that is typed. */
export function roffParagraph(text: string): string {
  return `.PP\n${roffWords(text)}`;
}

/** A term with what it means, indented. */
export function roffTerm(term: string, meaning: string): string {
  return `.TP\n\\fB${roffText(term)}\\fR\n${roffWords(meaning)}`;
}

/** Lines to be typed, as they are. */
export function roffExample(lines: readonly string[]): string {
  return `.PP\n.RS 4\n.nf\n${lines.map((line) => `${roffText(line)}\n`).join('')}.fi\n.RE\n`;
}

/** Lines of a file are short, as mandoc wants them; roff fills its own. */
const LINE = 76;

function roffWords(text: string): string {
  const parts = roffText(text).split('`');
  const words = parts.map((part, at) => (at % 2 === 1 ? `\\fB${part}\\fR` : part)).join('');
  // Each sentence on a line of its own, as roff wants it for the space between them.
  const sentences = words.split(/(?<=[.:;]) (?=[A-Z\\])/).flatMap((one) => wrapped(one, LINE));
  return sentences.map((line) => `${line.replace(/^([.'])/, '\\&$1')}\n`).join('');
}
