import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Client } from './client';
import { ids, register } from './commands';
import { JobsModel } from './panel/model';
import { Platform } from './platform';
import { statusItem } from './status/Status';
import { warnOfTheEnd } from './status/warning';
import { texts } from './text';

const ID = '@primehub/labextension:plugin';

/** Notebooks as jobs, the jobs beside them, group and quota and time left. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'PrimeHub in JupyterLab',
  autoStart: true,
  requires: [INotebookTracker, IDocumentManager],
  optional: [ITranslator, ICommandPalette, IFileBrowserFactory, ILayoutRestorer, IStatusBar, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    documents: IDocumentManager,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    browsers: IFileBrowserFactory | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null,
    settings: ISettingRegistry | null,
  ) => {
    const t = texts((translator ?? nullTranslator).load('primehub'));
    const client = new Client(app.serviceManager.serverSettings);
    const platform = new Platform(client);
    const model = new JobsModel(client);
    const { panel, keep } = register({ app, notebooks, documents, browsers, texts: t, client, platform, model, settings: settings?.load(ID) ?? null });

    app.shell.add(panel, 'right', { rank: 600 });
    restorer?.add(panel, 'primehub-jobs');
    for (const command of Object.values(ids)) palette?.addItem({ command, category: t.product });
    statusBar?.registerStatusItem('primehub', { item: statusItem(t, platform, keep), align: 'left', rank: 50 });
    warnOfTheEnd(platform, t, keep);
  },
};

export default plugin;
