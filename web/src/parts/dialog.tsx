/** A dialog of the browser's own: it holds the keyboard, Escape closes it, and the focus goes back to where it was. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Picture } from './icons.js';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  /** A drawer stands at the edge and is as high as the window. */
  readonly drawer?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, drawer = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  const close = (): void => element.current?.close();
  return (
    <dialog
      ref={element}
      class={drawer ? 'drawer' : 'box'}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => {
        // The dialog itself is what lies behind its content.
        if (event.target === element.current) close();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div class="dialog-content">
        <header class="dialog-head">
          <h2>{title}</h2>
          <button type="button" class="quiet" onClick={close} aria-label="Close">
            <Picture name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
