/** The configuration file: read by everybody, checked while it is typed, compared and applied by who may operate. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ConfigText, ReloadPreview, ValidationReport } from '../../../../src/api/contract.js';
import { Empty, Failure } from '../../parts/empty.js';
import { api, errorText } from '../../state/api.js';
import { status } from '../../state/live.js';
import { mayOperate } from '../../state/session.js';
import { ApplyDialog } from './apply-dialog.js';
import { Editor } from './editor.js';
import { Preview } from './preview.js';
import { Problems } from './problems.js';

/** After the last key. */
const CHECK_AFTER_MS = 350;

export function Configuration() {
  const file = useSignal<ConfigText | null>(null);
  const text = useSignal('');
  const report = useSignal<ValidationReport | null>(null);
  const preview = useSignal<ReloadPreview | null>(null);
  const error = useSignal<string | null>(null);
  const isAsked = useSignal(false);
  const said = useSignal('');
  const canEdit = mayOperate.value;

  const load = async (): Promise<void> => {
    try {
      const now = await api.call('GET /v1/config/file');
      file.value = now;
      text.value = now.text;
      preview.value = null;
      error.value = null;
    } catch (caught) {
      error.value = errorText(caught);
    }
  };
  // Once, when the view opens.
  useEffect(() => {
    load().catch(() => undefined);
  }, []);

  const typed = text.value;
  // Whenever the text has rested for a moment.
  useEffect(() => {
    if (file.value === null || !canEdit) return;
    let isOver = false;
    const timer = setTimeout(() => {
      api
        .call('POST /v1/config/validate', { body: typed })
        .then((found) => {
          if (!isOver) report.value = found;
        })
        .catch((caught) => {
          if (!isOver) error.value = errorText(caught);
        });
    }, CHECK_AFTER_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [typed, file.value, canEdit]);

  const compare = async (): Promise<void> => {
    error.value = null;
    try {
      preview.value = await api.call('POST /v1/config/diff', { body: text.value });
    } catch (caught) {
      error.value = errorText(caught);
    }
  };

  if (file.value === null)
    return error.value === null ? <Empty>Asking the gateway …</Empty> : <Failure text={error.value} />;
  const isChanged = text.value !== file.value.text;
  const isValid = report.value?.valid === true;
  return (
    <div class="view configuration">
      <header class="view-head">
        <h1>Configuration</h1>
        <p>
          <code>{file.value.file}</code>
          <FileState />
        </p>
      </header>
      {!canEdit && <p class="notice">You may read. A token with the role operate may change it.</p>}
      <div class="config-columns">
        <Editor
          text={text.value}
          problems={canEdit ? (report.value?.problems ?? []) : []}
          readOnly={!canEdit}
          onInput={(value) => {
            text.value = value;
            preview.value = null;
            said.value = '';
          }}
        />
        {canEdit && (
          <aside class="config-side" aria-label="What it would do">
            <Problems report={report.value} isChanged={isChanged} />
            <div class="row">
              <button type="button" disabled={!isValid} onClick={() => compare().catch(() => undefined)}>
                Compare
              </button>
              <button
                type="button"
                class="primary"
                disabled={!isValid || !isChanged}
                onClick={() => {
                  compare()
                    .then(() => {
                      isAsked.value = preview.value !== null;
                    })
                    .catch(() => undefined);
                }}
              >
                Apply …
              </button>
              <button
                type="button"
                class="quiet"
                disabled={!isChanged}
                onClick={() => {
                  text.value = file.value?.text ?? '';
                  preview.value = null;
                }}
              >
                Undo all
              </button>
            </div>
            <p role="status">{said.value}</p>
            {error.value !== null && <Failure text={error.value} />}
            {preview.value !== null && <Preview preview={preview.value} />}
          </aside>
        )}
      </div>
      {isAsked.value && preview.value !== null && (
        <ApplyDialog
          file={file.value}
          text={text.value}
          preview={preview.value}
          onClose={() => {
            isAsked.value = false;
          }}
          onDone={(words) => {
            said.value = words;
            isAsked.value = false;
            load().catch(() => undefined);
          }}
        />
      )}
    </div>
  );
}

const FILE_STATES: Readonly<Record<string, string>> = {
  same: 'what it says runs',
  changed: 'it has changed since it was read',
  waiting: 'some of it is not in use before a restart',
  gone: 'it cannot be read now',
  applying: 'it is being applied',
  failed: 'it could not be applied; it is tried again',
};

function FileState() {
  const state = status.value?.configuration?.state;
  if (state === undefined) return null;
  return <span class={state === 'same' ? 'muted' : 'warn'}>: {FILE_STATES[state] ?? state}</span>;
}
