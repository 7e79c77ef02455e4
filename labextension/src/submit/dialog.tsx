import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Client } from '../client';
import type { Snapshot } from '../notebook';
import { TextsContext } from '../react';
import type { Texts } from '../text';
import type { Context } from '../types';
import { Form, type Accept, type Done } from './Form';

/** JupyterLab's own dialog with an answer beside its buttons, which stays open until the platform has accepted. */
class SubmitDialog extends Dialog<void> {
  constructor(texts: Texts, body: ReactWidget, footer: HTMLElement) {
    super({
      title: texts.dialog.title,
      body,
      buttons: [Dialog.cancelButton({ label: texts.dialog.cancel }), Dialog.okButton({ label: texts.dialog.submit })],
      renderer: new Renderer(footer),
      hasClose: true,
    });
    this.addClass('jp-PrimeHub-dialog');
    this.button = this.node.querySelector<HTMLButtonElement>('.jp-Dialog-footer .jp-mod-accept')!;
    this.setAccept({ label: texts.dialog.submit, enabled: false, act: () => undefined });
  }

  setAccept(accept: Accept): void {
    this.accept = accept;
    this.button.querySelector('.jp-Dialog-buttonLabel')!.textContent = accept.label;
    this.button.setAttribute('aria-label', accept.label);
    this.button.title = '';
    // not `disabled`: the button is the dialog's last stop for the Tab key
    this.button.setAttribute('aria-disabled', String(!accept.enabled));
  }

  /** Close it, since what was asked is done. */
  done(): void {
    super.resolve(1);
  }

  override resolve(index?: number): void {
    if (index === 0) super.resolve(0);
    else this.accept.act();
  }

  override handleEvent(event: Event): void {
    // Enter in a field is the form's, whose buttons and lists have uses of their own for it
    const target = event.target as HTMLElement | null;
    if (event instanceof KeyboardEvent && event.key === 'Enter' && target?.closest('.jp-Dialog-body')) {
      event.stopPropagation();
      return;
    }
    super.handleEvent(event);
  }

  private readonly button: HTMLButtonElement;
  private accept: Accept = { label: '', enabled: false, act: () => undefined };
}

class Renderer extends Dialog.Renderer {
  constructor(private readonly slot: HTMLElement) {
    super();
  }

  override createFooter(buttons: readonly HTMLElement[], checkbox: HTMLElement | null): Widget {
    const footer = super.createFooter(buttons, checkbox);
    footer.node.prepend(this.slot);
    return footer;
  }
}

/** Ask what to run and when. `onDone` gets what was made, also where the dialog was closed while it was being sent. */
export async function submitDialog(
  client: Client, texts: Texts, context: Context | null, snapshot: Snapshot, onDone: (done: Done) => void,
): Promise<void> {
  const footer = document.createElement('div');
  footer.className = 'jp-PrimeHub-footer';
  const made: Done[] = [];
  const accept = (accepted: Accept) => {
    if (!dialog.isDisposed) dialog.setAccept(accepted);
  };
  const finish = (done: Done) => {
    if (dialog.isDisposed) {
      onDone(done);
      return;
    }
    made.push(done);
    dialog.done();
  };
  const body = ReactWidget.create(
    <TextsContext.Provider value={texts}>
      <Form client={client} context={context} snapshot={snapshot} footer={footer} onAccept={accept} onDone={finish} />
    </TextsContext.Provider>,
  );
  const dialog = new SubmitDialog(texts, body, footer);
  await dialog.launch();
  made.forEach(onDone);
}
