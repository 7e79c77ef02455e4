import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, RotateCw } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { admin, type Image } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { Section } from '../../../parts/form/FormPage';
import { clean } from '../../../parts/log';
import { Empty, Failure } from '../../../parts/page';
import { a } from '../../../text/admin';

const words = a.images;

/** How the environment is made, with the log while it is. */
export function Build({ image }: { image: Image }) {
  const queries = useQueryClient();
  const rebuild = useMutation({
    mutationFn: () => body(api.POST('/images/{image}/rebuild', { params: { path: { image: image.slug } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['images'] }),
  });
  const making = image.phase === 'PENDING' || image.phase === 'BUILDING';
  if (image.source.type === 'container') return null;
  return (
    <Section title={words.build} why={words.buildWhy}>
      <div className="deleteRow">
        <div className="small">
          <p className={image.phase === 'FAILED' ? 'bad' : undefined} role="status">{image.message || words.phases[image.phase]}</p>
          {image.location && <p>{words.at} <code>{image.location}</code></p>}
          <p className="muted">{words.rebuildHelp}</p>
        </div>
        <Button icon={<RotateCw size={14} aria-hidden />} disabled={making} loading={rebuild.isPending} onClick={() => rebuild.mutate()}>{words.rebuild}</Button>
      </div>
      {making && <span className="buildBar wideBar" role="progressbar" aria-label={words.build} aria-valuenow={image.progress} aria-valuemin={0} aria-valuemax={100}><i style={{ width: `${image.progress}%` }} /></span>}
      {rebuild.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(rebuild.error).message}</p>}
      <Log image={image} live={making} />
    </Section>
  );
}

function Log({ image, live }: { image: Image; live: boolean }) {
  const log = useQuery(admin.buildLog(image.slug, live));
  const box = useRef<HTMLPreElement>(null);
  const { refetch } = log;
  useEffect(() => {
    // the last lines come with the end
    void refetch();
  }, [live, refetch]);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.data]);
  if (log.error && !log.data) return asProblem(log.error).status === 404 ? <Empty title={words.noLog}>{words.noLogWhy}</Empty> : <Failure error={log.error} what={words.logFailed} onRetry={() => void refetch()} />;
  return (
    <div className="logBox buildLog">
      {log.data && log.data.text === '' ? <Empty title={words.noLog}>{words.noLogWhy}</Empty> : <pre className="log" ref={box} tabIndex={0} role="region" aria-label={words.log}><div className="row">{clean(log.data?.text ?? '')}</div></pre>}
    </div>
  );
}
