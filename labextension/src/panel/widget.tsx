import { ReactWidget } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { jobsIcon } from '../icons';
import { TextsContext } from '../react';
import type { Texts } from '../text';
import { Panel, type PanelProps } from './Panel';

/** The jobs in JupyterLab's side bar. Nothing is asked for while it is not seen. */
export class JobsPanel extends ReactWidget {
  constructor(private readonly texts: Texts, private readonly props: PanelProps) {
    super();
    this.id = 'primehub-jobs';
    this.title.icon = jobsIcon;
    this.title.caption = texts.panel.title;
    this.addClass('jp-PrimeHub-sidebar');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', texts.panel.title);
    this.node.tabIndex = -1;
  }

  /** Whether the focus goes where the panel is shown. */
  takesFocus = true;

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (this.takesFocus) this.node.focus();
    this.takesFocus = true;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // a workspace that is restored may have it open from the start
    this.props.model.visible = this.isVisible;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.props.model.visible = true;
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.props.model.visible = false;
  }

  protected override render() {
    return <TextsContext.Provider value={this.texts}><Panel {...this.props} /></TextsContext.Provider>;
  }
}
