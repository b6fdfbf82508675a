/** Asks once more before the file is written, with what that does. */
import { useSignal } from '@preact/signals';
import type { ConfigText, ReloadPreview } from '../../../../src/api/contract.js';
import { Dialog } from '../../parts/dialog.js';
import { Failure } from '../../parts/empty.js';
import { api, errorText } from '../../state/api.js';
import { Preview } from './preview.js';

interface ApplyProps {
  readonly file: ConfigText;
  readonly text: string;
  readonly preview: ReloadPreview;
  readonly onClose: () => void;
  readonly onDone: (words: string) => void;
}

export function ApplyDialog({ file, text, preview, onClose, onDone }: ApplyProps) {
  const error = useSignal<string | null>(null);
  const isApplying = useSignal(false);
  const apply = async (): Promise<void> => {
    isApplying.value = true;
    error.value = null;
    try {
      // Not over what somebody else has written meanwhile: 412.
      const headers = { 'If-Match': `"${file.digest}"` };
      const { applied, backup } = await api.call('PUT /v1/config/apply', { headers, body: text });
      const kept = backup === null ? '' : ` What it said before is in ${backup}.`;
      onDone(applied ? `Applied.${kept}` : `Written; what it changes waits for a restart.${kept}`);
    } catch (caught) {
      error.value = errorText(caught);
    } finally {
      isApplying.value = false;
    }
  };
  return (
    <Dialog title="Apply this configuration?" onClose={onClose}>
      <p>
        <code>{file.file}</code> is written, and the gateway takes it over at once.
      </p>
      <Preview preview={preview} />
      {error.value !== null && <Failure text={error.value} />}
      <div class="row end">
        <button type="button" onClick={onClose}>
          Leave it
        </button>
        <button
          type="button"
          class="primary"
          disabled={isApplying.value}
          onClick={() => {
            apply().catch(() => undefined);
          }}
        >
          Apply it
        </button>
      </div>
    </Dialog>
  );
}
