import { useQuery } from '@tanstack/react-query';
import { Button, Drawer } from 'antd';
import { Download, File, FileImage, FileSpreadsheet, FileText, NotebookText, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { ask } from '../../api/queries';
import type { Artifact, Job, Preview } from '../../api/types';
import { apiBase } from '../../lib/base';
import { exact } from '../../lib/format';
import { Ago, Bones, Empty, Failure, Waiting } from '../../parts/page';
import { t } from '../../text';
import { size } from './words';

const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/');

/** The files that an attempt left, or has written so far; each can be looked at and downloaded. */
export function Artifacts({ job, attempt, live }: { job: Job; attempt: number; live: boolean }) {
  const [query, setQuery] = useSearchParams();
  const files = useQuery({ ...ask.artifacts(job.id, attempt), refetchInterval: live ? 5000 : false });
  const opened = query.get('file');
  const open = (path: string | null) => setQuery((before) => {
    if (path === null) before.delete('file');
    else before.set('file', path);
    return before;
  }, { replace: true });
  if (files.error && !files.data) return <Failure error={files.error} what={t.jobs.artifactsFailed} onRetry={() => void files.refetch()} />;
  if (!files.data) return <div style={{ padding: 16 }}><Waiting><Bones rows={4} /></Waiting></div>;
  const { items, message, expires_at: until } = files.data;
  const columns = t.jobs.artifactColumns;
  const url = (path: string) => `${apiBase}/jobs/${job.id}/artifacts/${encoded(path)}?attempt=${attempt}&download=true`;
  return (
    <div style={{ paddingTop: 12 }}>
      {message && <p className="hint"><TriangleAlert size={14} aria-hidden />{message}</p>}
      {items.length === 0 ? <Empty title={live ? t.jobs.artifactsNotYet : t.jobs.artifactsNone}>{t.jobs.artifactsNoneWhy}</Empty> : (
        <>
          <table className="sheet">
            <thead><tr><th scope="col">{columns.name}</th><th scope="col" className="r">{columns.size}</th><th scope="col" className="r">{columns.modified}</th><th scope="col"><span className="sr">{columns.actions}</span></th></tr></thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.path}>
                  <td className="wrap"><span className="file"><Icon item={item} /><button type="button" className="linkish" onClick={() => open(item.path)}>{item.path}</button></span></td>
                  <td className="r soft">{size(item.size)}</td>
                  <td className="r soft"><Ago at={item.modified_at} /></td>
                  <td className="r"><Button type="text" size="small" href={url(item.path)} aria-label={t.jobs.downloadThis(item.path)} icon={<Download size={14} aria-hidden />} /></td>
                </tr>
              ))}
            </tbody>
          </table>
          <div className="envFoot">
            <span className="small">{size(files.data.size)}{until && <span title={exact(until)}>, {t.jobs.until(exact(until).slice(0, 10))}</span>}</span>
            <Button type="text" href={`${apiBase}/jobs/${job.id}/artifacts.zip?attempt=${attempt}`} icon={<Download size={14} aria-hidden />}>{t.jobs.downloadAll}</Button>
          </div>
        </>
      )}
      <Drawer open={opened !== null} onClose={() => open(null)} size="large" title={opened} destroyOnHidden
        extra={opened !== null && <Button href={url(opened)} icon={<Download size={14} aria-hidden />}>{t.jobs.download}</Button>}>
        {opened !== null && <Look job={job} attempt={attempt} path={opened} />}
      </Drawer>
    </div>
  );
}

function Icon({ item }: { item: Artifact }) {
  const kind = item.media_type;
  const Shape = kind.startsWith('image/') ? FileImage : kind.includes('ipynb') ? NotebookText : kind.includes('csv') || kind.includes('tab-separated') ? FileSpreadsheet : kind.startsWith('text/') || kind.includes('json') ? FileText : File;
  return <Shape size={15} strokeWidth={1.75} aria-hidden />;
}

function Look({ job, attempt, path }: { job: Job; attempt: number; path: string }) {
  const found = useQuery(ask.preview(job.id, attempt, path));
  if (found.error && !found.data) return <Failure error={found.error} what={t.jobs.previewFailed} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Waiting><Bones rows={8} /></Waiting>;
  return (
    <>
      {found.data.truncated && <p className="hint"><TriangleAlert size={14} aria-hidden />{t.jobs.previewCut}</p>}
      <Content preview={found.data} at={`${apiBase}/jobs/${job.id}`} attempt={attempt} />
    </>
  );
}

function Content({ preview, at, attempt }: { preview: Preview; at: string; attempt: number }) {
  const name = t.jobs.preview(preview.path);
  const path = encoded(preview.path);
  const [zoomed, zoom] = useState(false);
  switch (preview.kind) {
    case 'text': return <pre className="command" tabIndex={0} aria-label={name}>{preview.text}</pre>;
    case 'table': return <Cells preview={preview} name={name} />;
    case 'image': return <button type="button" className={zoomed ? 'picture zoomed' : 'picture'} onClick={() => zoom(!zoomed)}><img src={`${at}/artifacts/${path}?attempt=${attempt}`} alt={name} /></button>;
    // what a person's program wrote: shown without scripts and without our origin, here and by the server's own policy
    case 'notebook': return <iframe className="rendered" sandbox="" title={name} src={`${at}/previews/${path}?attempt=${attempt}&rendered=true`} />;
    default: return <Empty title={preview.message || t.jobs.previewNone} />;
  }
}

const NUMBER = /^[-+]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?\s?%?$/i;

/** Columns in which every cell that says anything says a number have it at the right, as figures are compared. */
export function Cells({ preview: { columns, rows }, name }: { preview: Preview; name: string }) {
  const end = columns.map((_, j) => {
    const said = rows.map((row) => (row[j] ?? '').trim()).filter((cell) => cell !== '');
    return said.length > 0 && said.every((cell) => NUMBER.test(cell)) ? 'r' : undefined;
  });
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={name}>
      <table className="sheet"><thead><tr>{columns.map((column, i) => <th key={i} scope="col" className={end[i]}>{column}</th>)}</tr></thead>
        <tbody>{rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j} className={end[j]}>{cell}</td>)}</tr>)}</tbody></table>
    </div>
  );
}
