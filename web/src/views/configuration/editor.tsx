/** A plain text field with numbered lines; lines with mistakes are marked beside their number and behind their text. */
import { useRef } from 'preact/hooks';
import type { ValidationReport } from '../../../../src/api/contract.js';

interface EditorProps {
  readonly text: string;
  readonly problems: ValidationReport['problems'];
  readonly readOnly: boolean;
  readonly onInput: (text: string) => void;
}

/** What is longer has no numbers: nobody writes that by hand. */
const MOST_LINES = 5000;
/** A longer line leaves no room for words behind it, which stand beside the text anyway. */
const SHORT = 60;

export function Editor({ text, problems, readOnly, onInput }: EditorProps) {
  const gutter = useRef<HTMLDivElement>(null);
  const back = useRef<HTMLDivElement>(null);
  const lines = text.split('\n').slice(0, MOST_LINES);
  const byLine = new Map<number, ValidationReport['problems']>();
  for (const problem of problems) byLine.set(problem.line, [...(byLine.get(problem.line) ?? []), problem]);
  return (
    <div class="editor">
      <div class="gutter" ref={gutter} aria-hidden="true">
        {lines.map((_, at) => (
          <span
            key={at}
            class={byLine.has(at + 1) ? 'bad' : ''}
            title={byLine
              .get(at + 1)
              ?.map(({ message }) => message)
              .join('\n')}
          >
            {at + 1}
          </span>
        ))}
      </div>
      <div class="editor-text">
        <div class="marks" ref={back} aria-hidden="true">
          {[...byLine].map(([line, found]) => (
            <span
              key={line}
              class="mark"
              style={{ top: `calc(${line - 1} * var(--line-height) + var(--pad))` }}
            >
              {lines[line - 1].length <= SHORT && <span class="mark-words">{found[0].message}</span>}
            </span>
          ))}
        </div>
        <textarea
          data-search
          aria-label="Text of the configuration file"
          aria-invalid={problems.length > 0}
          aria-describedby="config-problems"
          value={text}
          readOnly={readOnly}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          wrap="off"
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
          onScroll={({ currentTarget }) => {
            if (gutter.current !== null) gutter.current.scrollTop = currentTarget.scrollTop;
            if (back.current !== null) back.current.scrollTop = currentTarget.scrollTop;
          }}
          onKeyDown={(event) => event.stopPropagation()}
        />
      </div>
    </div>
  );
}

/** Puts the cursor there, and shows it. */
export function goToLine(line: number, column: number): void {
  const field = document.querySelector<HTMLTextAreaElement>('.editor textarea');
  if (field === null) return;
  const before = field.value.split('\n').slice(0, line - 1);
  const at = before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  field.focus();
  field.setSelectionRange(at, at);
  const height = Number.parseFloat(getComputedStyle(field).lineHeight);
  field.scrollTop = Math.max(0, (line - 6) * height);
}
