import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

/** A notebook as it is now: where it is, and all that is in it. */
export interface Snapshot {
  path: string;
  content: unknown;
}

/** The notebook as it is on screen, unsaved changes too. */
export async function onScreen(panel: NotebookPanel, contents: Contents.IManager): Promise<Snapshot> {
  await panel.context.ready;
  return { path: contents.localPath(panel.context.path), content: panel.context.model.toJSON() };
}

/** The notebook of a path: as on screen where it is open, else as it is in the file. */
export async function ofPath(path: string, documents: IDocumentManager, tracker: INotebookTracker): Promise<Snapshot> {
  const contents = documents.services.contents;
  const open = tracker.find((panel) => contents.localPath(panel.context.path) === contents.localPath(path));
  if (open !== undefined) return onScreen(open, contents);
  const file = await contents.get(path, { type: 'notebook', content: true });
  return { path: contents.localPath(path), content: file.content as unknown };
}
