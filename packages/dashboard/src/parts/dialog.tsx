/** A question over the page: the browser's own dialog keeps the focus in it, and gives it back. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface DialogProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  readonly class?: string;
  /** Escape does not close it: there is no page without an answer. */
  readonly stays?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, class: name, stays, children }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const { current } = dialog;
    const former = document.activeElement as HTMLElement | null;
    current?.showModal();
    return () => {
      current?.close();
      former?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={name}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        if (!stays) onClose();
      }}
    >
      <div>
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
