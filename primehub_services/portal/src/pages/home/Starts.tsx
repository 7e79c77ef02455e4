import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { ExternalLink, Play } from 'lucide-react';
import type { ReactNode } from 'react';
import { ask } from '../../api/queries';
import type { Notebook } from '../../api/types';
import { label } from '../../launch/fit';
import { summary } from '../../lib/resources';
import { groupNamed, useGroup, useMe } from '../../lib/session';
import { Bones, Waiting } from '../../parts/page';
import { LinkButton } from '../../parts/LinkButton';
import { Status } from '../../parts/Status';
import { t } from '../../text';
import { launchLink, openLab } from '../notebooks/lab';
import { quickOf, type Framework } from './quick';

/** What leads: the person's notebook, and one press to each framework. */
export function Starts() {
  const group = useGroup();
  const me = useMe();
  const active = useQuery(ask.activeNotebook(me.name));
  const past = useQuery(ask.pastNotebooks(me.name, group.group, 1, 6));
  return (
    <section className="starts" aria-label={t.home.quick}>
      <Yours active={active.data ?? null} last={past.data?.items[0] ?? null} loading={active.isPending || past.isPending} unknown={active.isError || past.isError} />
      <Launch framework="PyTorch" busy={!!active.data} />
      <Launch framework="TensorFlow" busy={!!active.data} />
    </section>
  );
}

function Card({ title, what, more, children }: { title: string; what: ReactNode; more?: ReactNode; children?: ReactNode }) {
  return <div className="start"><div><h2>{title}</h2><p>{what}</p><p className="muted">{more ?? ' '}</p></div>{children && <div className="startActs">{children}</div>}</div>;
}

const Loading = ({ title }: { title: string }) => <div className="start"><div><h2>{title}</h2><Waiting><Bones rows={2} widths={[60, 40]} /></Waiting></div></div>;

/** The notebook that runs, else the last one to start again, else the first one. */
function Yours({ active, last, loading, unknown }: { active: Notebook | null; last: Notebook | null; loading: boolean; unknown: boolean }) {
  const group = useGroup();
  const me = useMe();
  const page = `/g/${group.group}/notebooks`;
  if (loading) return <Loading title={t.home.now} />;
  if (active) {
    const elsewhere = active.group !== group.group;
    return (
      <Card title={t.home.now} what={t.home.lastOn(active.image, active.instance_type)} more={<Status state={active.phase} note={elsewhere ? t.home.inGroup(groupNamed(me, active.group)) : active.reason} />}>
        {active.phase === 'RUNNING' && <Button type="primary" icon={<ExternalLink size={15} aria-hidden />} onClick={() => openLab(active)} aria-label={t.home.open}>{t.home.openShort}</Button>}
        <LinkButton to={`/g/${active.group}/notebooks`} aria-label={active.phase === 'STARTING' ? t.home.see : t.home.details}>{active.phase === 'STARTING' ? t.home.see : t.home.detailsShort}</LinkButton>
      </Card>
    );
  }
  if (last) {
    return (
      <Card title={t.home.last} what={t.home.lastOn(last.image, last.instance_type)} more={summary(last.limits)}>
        <LinkButton type="primary" icon={<Play size={15} aria-hidden />} to={launchLink(group.group, last)} aria-label={t.home.startLast}>{t.home.startShort}</LinkButton>
      </Card>
    );
  }
  return (
    <Card title={unknown ? t.home.now : t.home.first} what={unknown ? t.home.failed : t.home.firstWhy}>
      <LinkButton type="primary" icon={<Play size={15} aria-hidden />} to={page} aria-label={unknown ? t.shell.notebooks : t.home.start}>{unknown ? t.shell.notebooks : t.home.startShort}</LinkButton>
    </Card>
  );
}

function Launch({ framework, busy }: { framework: Framework; busy: boolean }) {
  const group = useGroup();
  const me = useMe();
  const options = useQuery(ask.launchOptions(group.group));
  const admin = me.platform_admin || group.role === 'admin';
  const quick = options.data ? quickOf(options.data, framework) : null;
  const members = useQuery({ ...ask.members(group.group), enabled: quick?.is === 'none' && !admin });
  const title = t.home.framework(framework);
  if (options.error && !options.data) return <Card title={title} what={t.notebook.optionsFailed} more={t.notebook.unaffected} />;
  if (quick === null) return <Loading title={title} />;
  switch (quick.is) {
    case 'ready': {
      const to = launchLink(group.group, { image: quick.image.slug, instance_type: quick.type.slug });
      return (
        <Card title={title} what={t.home.lastOn(label(quick.image), label(quick.type))} more={busy ? t.home.oneAtATime : summary(quick.type.limits)}>
          {busy ? <Button disabled>{t.home.startShort}</Button> : <LinkButton to={to} aria-label={t.home.startThis(framework)}>{t.home.startShort}</LinkButton>}
        </Card>
      );
    }
    case 'building': return <Card title={title} what={label(quick.image)} more={t.notebook.buildingImage(quick.image.progress)} />;
    case 'unusable': return <Card title={title} what={label(quick.image)} more={quick.why} />;
    default: {
      const admins = (members.data?.items ?? []).filter((m) => m.role === 'admin').map((m) => m.display_name || m.user);
      return (
        <Card title={title} what={t.home.noImage(framework)} more={admin ? t.home.addIt : admins.length > 0 ? t.home.askWho(admins.slice(0, 3).join(', ')) : t.home.askAdmin}>
          {admin && <LinkButton to={`/g/${group.group}/images?new=1`} aria-label={t.home.addImage(framework)}>{t.home.add}</LinkButton>}
        </Card>
      );
    }
  }
}
