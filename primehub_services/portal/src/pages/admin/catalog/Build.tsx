import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { CircleAlert, RotateCw } from 'lucide-react';
import type { Image } from '../../../api/admin';
import { api, asProblem, body } from '../../../api/client';
import { Section } from '../../../parts/form/FormPage';
import { LogView } from '../../../parts/LogView';
import { buildLog } from '../../../parts/log';
import { a } from '../../../text/admin';

const words = a.images;

/** How the environment is made, with its log, live while it is. */
export function Build({ image }: { image: Image }) {
  const queries = useQueryClient();
  const rebuild = useMutation({
    mutationFn: () => body(api.POST('/images/{image}/rebuild', { params: { path: { image: image.slug } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['images'] }),
  });
  const making = image.phase === 'PENDING' || image.phase === 'BUILDING';
  if (image.source.type === 'container') return null;
  const given = image.source.prefix !== null; // it is only looked at
  return (
    <Section title={words.build} why={words.buildWhy}>
      <div className="deleteRow">
        <div className="small">
          <p className={image.phase === 'FAILED' ? 'bad' : undefined} role="status">{image.message || words.phases[image.phase]}</p>
          {image.location && <p>{words.at} <code>{image.location}</code></p>}
          {!given && <p className="muted">{words.rebuildHelp}</p>}
        </div>
        <Button icon={<RotateCw size={14} aria-hidden />} disabled={making} loading={rebuild.isPending} onClick={() => rebuild.mutate()}>{given ? words.lookAgain : words.rebuild}</Button>
      </div>
      {making && <span className="buildBar wideBar" role="progressbar" aria-label={words.build} aria-valuenow={image.progress} aria-valuemin={0} aria-valuemax={100}><i style={{ width: `${image.progress}%` }} /></span>}
      {rebuild.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(rebuild.error).message}</p>}
      {given ? null : <div className="buildLog"><LogView source={buildLog(image)} ended={!making} /></div>}
    </Section>
  );
}
