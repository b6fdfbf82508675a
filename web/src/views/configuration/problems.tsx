/** Every mistake with its place, what is allowed there, and a way to it. */
import type { ValidationReport } from '../../../../src/api/contract.js';
import { goToLine } from './editor.js';

export function Problems({ report, isChanged }: { report: ValidationReport | null; isChanged: boolean }) {
  return (
    <section id="config-problems" aria-live="polite">
      <h2>{titleOf(report, isChanged)}</h2>
      {report !== null && report.problems.length > 0 && (
        <ol class="problems">
          {report.problems.map(({ line, column, key, message, found, expected }) => (
            <li key={`${line}:${column} ${key}`}>
              <button type="button" class="link" onClick={() => goToLine(line, column)}>
                Line {line}
              </button>{' '}
              {key !== '' && <code>{key}</code>}
              <p>{message}</p>
              <p class="muted">
                found {found}; allowed: {expected}
              </p>
            </li>
          ))}
        </ol>
      )}
      {report?.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
    </section>
  );
}

function titleOf(report: ValidationReport | null, isChanged: boolean): string {
  if (report === null) return 'Checking …';
  const count = report.problems.length;
  if (count > 0) return count === 1 ? 'One mistake' : `${count} mistakes`;
  return isChanged ? 'Right: a gateway would start with it' : 'Nothing is changed';
}
