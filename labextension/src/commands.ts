import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Problem, type Client } from './client';
import { jobsIcon } from './icons';
import { moment } from './lib/format';
import { ofPath, onScreen, type Snapshot } from './notebook';
import type { JobsModel } from './panel/model';
import { JobsPanel } from './panel/widget';
import type { Platform } from './platform';
import { submitDialog } from './submit/dialog';
import type { Done } from './submit/Form';
import type { Texts } from './text';
import type { Job, Schedule } from './types';

export const ids = {
  submit: 'primehub:submit-notebook',
  panel: 'primehub:show-jobs',
  portal: 'primehub:open-portal',
  keep: 'primehub:keep-server',
} as const;

interface Parts {
  app: JupyterFrontEnd;
  notebooks: INotebookTracker;
  documents: IDocumentManager;
  browsers: IFileBrowserFactory | null;
  texts: Texts;
  client: Client;
  platform: Platform;
  model: JobsModel;
  settings: Promise<ISettingRegistry.ISettings> | null;
}

/** The commands, and the panel that uses them. */
export function register(parts: Parts): { panel: JobsPanel; keep: () => void } {
  const { app, notebooks, documents, browsers, texts: t, client, platform, model } = parts;
  let latest = '';

  /** Say what went wrong, and in which words the platform said it. */
  const failed = (what: string) => (error: unknown) => {
    const words = error instanceof Problem && error.status !== 0 ? error.message : t.notices.unreachable;
    Notification.error(t.notices.failed(what, words), { autoClose: 8_000 });
  };

  const show = () => {
    panel.takesFocus = true;
    app.shell.activateById(panel.id);
  };

  const submit = async (snapshot: Snapshot) => {
    if (platform.context === null) await platform.refresh();
    await submitDialog(client, t, platform.context, snapshot, made);
  };

  const made = (done: Done) => {
    if ('job' in done) {
      latest = done.job.id;
      model.put({ ...done.job, placed: null });
    } else {
      const { name, next_at, timezone } = done.schedule;
      Notification.success(t.notices.saved(name, next_at === null ? '' : moment(next_at, timezone)), { autoClose: 8_000 });
    }
    // it is shown, and the focus stays with the notebook
    panel.takesFocus = false;
    app.shell.activateById(panel.id);
    void model.refresh();
  };

  const submitSelected = async () => {
    const [item] = browsers?.tracker.currentWidget?.selectedItems() ?? [];
    if (item?.type === 'notebook') await submit(await ofPath(item.path, documents, notebooks));
  };

  const submitCurrent = async () => {
    const panel = notebooks.currentWidget;
    if (panel !== null) await submit(await onScreen(panel, documents.services.contents));
  };

  const open = async (job: Job) => {
    const { path } = await client.place(job.id);
    documents.openOrReveal(path);
    void model.refresh();
  };

  const cancel = async (job: Job) => {
    const name = job.name || job.id;
    const buttons = [Dialog.cancelButton({ label: t.job.cancelKeep }), Dialog.warnButton({ label: t.job.cancel })];
    const { button } = await showDialog({ title: t.job.cancelSure(name), body: t.job.cancelWhy, buttons });
    if (button.accept) await model.cancel(job);
  };

  const update = async (schedule: Schedule) => {
    const path = schedule.job.notebook?.path;
    if (path === undefined) return;
    const snapshot = await ofPath(path, documents, notebooks);
    await client.updateSnapshot(schedule.id, snapshot.path, snapshot.content);
    Notification.success(t.schedule.updated(schedule.name), { autoClose: 5_000 });
    await model.refresh();
  };

  const keep = () => {
    platform.keep().then(() => {
      const until = platform.context?.notebook?.keep_until;
      if (until) Notification.success(t.status.kept(moment(until)), { autoClose: 5_000 });
    }, failed(t.status.keepFailed));
  };

  const page = (thing: Job | Schedule) => {
    const all = platform.context?.jobs_url ?? '';
    return 'phase' in thing ? `${all}/${thing.id}` : all.replace(/\/jobs$/, `/recurring-jobs/${thing.id}`);
  };
  const panel: JobsPanel = new JobsPanel(t, {
    model, platform,
    current: () => {
      const current = notebooks.currentWidget;
      return current === null ? '' : documents.services.contents.localPath(current.context.path);
    },
    latest: () => latest,
    actions: {
      submit: () => void app.commands.execute(ids.submit),
      open: (job) => open(job).catch(failed(t.job.open)),
      cancel: (job) => cancel(job).catch(failed(t.job.cancel)),
      rerun: (job) => model.rerun(job).catch(failed(t.job.rerun)),
      update: (schedule) => update(schedule).catch(failed(t.schedule.update)),
      page,
    },
  });
  notebooks.currentChanged.connect(() => panel.update());

  model.ended.connect((_, job) => {
    void (parts.settings ?? Promise.resolve(null)).catch(() => null).then((settings) => {
      if (settings?.composite.tellEnds === false) return;
      const words = t.notices.ended(job.name || job.id, t.job.phases[job.phase]);
      const actions = [{ label: t.job.open, callback: () => void open(job).catch(failed(t.job.open)) }];
      if (job.phase === 'SUCCEEDED') Notification.success(words, { autoClose: 8_000, actions });
      else if (job.phase === 'FAILED') Notification.error(words, { autoClose: false, actions: [{ label: t.notices.show, callback: show }] });
    });
  });

  const submittable = () => notebooks.currentWidget !== null;
  app.commands.addCommand(ids.submit, {
    label: t.commands.submit,
    caption: t.commands.submitWhy,
    icon: jobsIcon,
    isEnabled: (args) => args.selected === true || submittable(),
    execute: (args) => (args.selected === true ? submitSelected() : submitCurrent()).catch(failed(t.commands.submit)),
  });
  app.commands.addCommand(ids.panel, { label: t.commands.panel, icon: jobsIcon, execute: show });
  app.commands.addCommand(ids.portal, {
    label: t.commands.portal,
    isEnabled: () => Boolean(platform.context?.portal_url),
    execute: () => void window.open(platform.context!.portal_url, '_blank', 'noreferrer'),
  });
  app.commands.addCommand(ids.keep, { label: t.commands.keep, isEnabled: () => Boolean(platform.context?.notebook), execute: keep });
  notebooks.currentChanged.connect(() => app.commands.notifyCommandChanged(ids.submit));
  platform.changed.connect(() => {
    app.commands.notifyCommandChanged(ids.portal);
    app.commands.notifyCommandChanged(ids.keep);
  });
  return { panel, keep };
}
