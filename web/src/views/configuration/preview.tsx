/** What a reload would do: keys that change, and what becomes of connections. */
import type { ReloadPreview } from '../../../../src/api/contract.js';

export function Preview({ preview: { changes, effects } }: { preview: ReloadPreview }) {
  if (changes.length === 0) return <p>It would change nothing.</p>;
  const later = changes.filter(({ apply }) => apply === 'restart').length;
  return (
    <section class="preview">
      <h3>{changes.length === 1 ? 'One key changes' : `${changes.length} keys change`}</h3>
      <ul class="changes">
        {changes.map(({ key, before, after, apply }) => (
          <li key={key}>
            <code>{key}</code>
            {apply === 'restart' && <span class="badge state-suspect">after a restart</span>}
            {before !== null && (
              <del>
                <span class="hidden">before: </span>
                {before}
              </del>
            )}
            {after !== null && (
              <ins>
                <span class="hidden">after: </span>
                {after}
              </ins>
            )}
          </li>
        ))}
      </ul>
      <h3>Connections</h3>
      {effects.length === 0 ? (
        <p>
          {later === changes.length
            ? 'Nothing happens before a restart.'
            : 'Those that are open notice nothing.'}
        </p>
      ) : (
        <ul class="plain-list">
          {effects.map(({ text, fate }) => (
            <li key={text} class={fate === 'stay' ? '' : 'bad'}>
              {text}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
