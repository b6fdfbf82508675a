/** The keys of the page. */
import { VIEWS } from '../state/routing.js';
import { Dialog } from './dialog.js';

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {VIEWS.map(({ key, name }) => (
          <Key key={key} keys={[key]} words={name} />
        ))}
        <Key keys={['/']} words="To the first field of the view" />
        <Key keys={['p']} words="Hold the races, or let them go on" />
        <Key keys={['t']} words="Light, dark, or as the system" />
        <Key keys={['?']} words="This list" />
        <Key keys={['Esc']} words="Close what is open" />
      </dl>
    </Dialog>
  );
}

function Key({ keys, words }: { keys: readonly string[]; words: string }) {
  return (
    <>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{words}</dd>
    </>
  );
}
