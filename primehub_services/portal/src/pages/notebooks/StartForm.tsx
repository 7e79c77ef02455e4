import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Modal } from 'antd';
import { CircleAlert, Play, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { LaunchOptions, LaunchRequest } from '../../api/types';
import { useDebounced } from '../../lib/debounce';
import { duration } from '../../lib/format';
import { summary } from '../../lib/resources';
import { nameOf, useGroup, useMe } from '../../lib/session';
import { same } from '../../parts/form/draft';
import { Leaving } from '../../parts/form/Leaving';
import { useUnsaved } from '../../lib/unsaved';
import { Bones, Empty, Failure, Page, Panel, Waiting } from '../../parts/page';
import { t } from '../../text';
import { Answer, verdictWords } from '../../launch/Answer';
import { Budgets } from '../../launch/Budgets';
import { ImageChoices, TypeChoices } from '../../launch/Choices';
import { rowErrors, toEnvironment, toRows } from '../../launch/env';
import { EnvEditor } from '../../launch/EnvEditor';
import { alternatives, firstChoice, label, pairFits, verdictOf } from '../../launch/fit';
import { startedHere } from './lab';
import { LastEnd } from './LastEnd';
import { PastButton } from './PastButton';
import { usualStart } from './usual';
import { Volumes } from './Volumes';

export function StartForm() {
  const group = useGroup();
  const options = useQuery(ask.launchOptions(group.group));
  return (
    <Page title={t.notebook.startTitle} lead={t.notebook.startLead} actions={<PastButton />}>
      <LastEnd />
      {options.data ? <Form options={options.data} />
        : options.error ? <Panel><Failure error={options.error} what={t.notebook.optionsFailed} onRetry={() => void options.refetch()} /></Panel>
          : (
            <Waiting>
              <div className="withRail">
                <div className="formCol"><Panel title={t.notebook.type}><Bones rows={4} widths={[96]} /></Panel><Panel title={t.notebook.image}><Bones rows={2} widths={[96]} /></Panel></div>
                <div className="rail"><Panel><Bones rows={4} /></Panel></div>
              </div>
            </Waiting>
          )}
    </Page>
  );
}

function Form({ options }: { options: LaunchOptions }) {
  const group = useGroup();
  const me = useMe();
  const queries = useQueryClient();
  const [query, setQuery] = useSearchParams();
  const [first] = useState(() => firstChoice(options, query));
  const [pickedType, pickType] = useState(first.type);
  const [pickedImage, pickImage] = useState(first.image);
  const [kept] = useState(() => toRows(options.environment));
  const [rows, setRows] = useState(kept);
  const [safeMode, setSafeMode] = useState(options.defaults.safe_mode);

  // what is chosen may go away, or an image may become ready, while the form is open
  const usableTypes = options.instance_types.filter((x) => !x.disabled);
  const type = usableTypes.find((x) => x.slug === pickedType) ?? usableTypes[0] ?? null;
  const usableImages = options.images.filter((x) => !x.disabled && pairFits(type, x));
  const image = usableImages.find((x) => x.slug === pickedImage) ?? usableImages[0] ?? null;

  const errors = rowErrors(rows);
  const wrong = errors.some(Boolean);
  const request: LaunchRequest | null = type && image
    ? { group: group.group, instance_type: type.slug, image: image.slug, environment: wrong ? null : toEnvironment(rows), safe_mode: safeMode, server_name: '' }
    : null;
  const settled = useDebounced(request, 200);
  const check = useQuery({ ...ask.launchCheck(group.group, settled ?? emptyRequest), enabled: settled !== null });
  const past = useQuery(ask.pastNotebooks(me.name, group.group, 1, 20));

  const noAutolaunch = () => setQuery((before) => {
    before.delete('autolaunch');
    return before;
  }, { replace: true });
  const start = useMutation({
    mutationFn: (wanted: LaunchRequest) => body(api.POST('/notebooks', { body: wanted })),
    onSuccess: (notebook) => {
      startedHere.set(notebook.id);
      noAutolaunch();
      queries.setQueryData(ask.activeNotebook(me.name).queryKey, notebook);
    },
    onError: (error) => {
      // the refusal carries the decision: show it where the dry run's answer stands
      const { decision } = asProblem(error);
      if (decision && settled) queries.setQueryData(ask.launchCheck(group.group, settled).queryKey, decision);
      void queries.invalidateQueries({ queryKey: ['notebooks'] });
      void queries.invalidateQueries({ queryKey: ['launch-options'] });
    },
  });

  const failed = wrong ? 'invalid' as const : check.error ? (asProblem(check.error).status === 422 ? 'invalid' as const : 'unknown' as const) : null;
  const verdict = verdictOf(request === null ? undefined : check.data, failed);
  const stale = request !== null && !wrong && (check.isPlaceholderData || JSON.stringify(request) !== JSON.stringify(settled));
  const lines = check.data?.budgets.length ? check.data.budgets : options.budgets;
  const refused = verdict === 'no' || verdict === 'never' || verdict === 'invalid';
  const machine = check.data?.reasons.some((reason) => reason.budget === 'machine') ?? false;
  const startProblem = start.error && !asProblem(start.error).decision ? asProblem(start.error) : null;
  const go = () => request && start.mutate(request);
  const last = past.data?.items[0];
  const usually = usualStart(past.data?.items ?? [], image?.slug ?? '');
  const button = (
    <Button type="primary" size="large" block disabled={request === null || refused} loading={start.isPending} icon={<Play size={15} aria-hidden />} onClick={go}>{t.notebook.start}</Button>
  );
  const why = request === null ? <p>{type === null ? t.notebook.noTypes : options.images.some((x) => x.phase === 'BUILDING' || x.phase === 'PENDING') ? t.notebook.answer.imageComing : t.notebook.answer.chooseNothing}</p>
    : verdict === 'asking' ? <p>{t.notebook.answer.askingWhy}</p>
      : verdict === 'invalid' ? <p>{wrong ? t.notebook.answer.seeVariables : asProblem(check.error).message}</p>
        : verdict === 'unknown' ? <p>{asProblem(check.error).message} {t.notebook.answer.unknownWhy}</p>
          : <p>{t.notebook.answer.yesWhy(label(type!), label(image!))} {usually !== null && t.notebook.answer.usually(duration(usually))}</p>;

  // said at the head of the page, over which the question stands
  const wantedGroup = query.get('group');
  const strayed = wantedGroup === null ? [] : [t.notebook.unavailable(t.shell.group, wantedGroup, nameOf(group))];

  // choices are made again in a moment; variables may have taken a while
  const typed = rows.filter(({ name, value }, i) => (name !== '' || value !== '') && !same(rows[i], kept[i])).length + Math.max(0, kept.length - rows.length);

  useUnsaved(start.isPending && typed > 0);
  return (
    <>
      <Leaving changes={start.isIdle || start.isError ? typed : 0} />
      {first.warnings.length > 0 && <div className="lines">{first.warnings.map((w) => <p key={w} className="hint" role="status"><TriangleAlert size={14} aria-hidden />{w}</p>)}</div>}
      <div className="withRail">
        <div className="formCol">
          <Panel title={t.notebook.type}>
            {options.instance_types.length === 0 ? <Empty title={t.notebook.noTypes}>{t.notebook.noTypesWhy}</Empty>
              : <TypeChoices types={options.instance_types} chosen={type?.slug ?? null} last={last?.instance_type ?? null} budgets={lines} onPick={pickType} />}
          </Panel>
          <Panel title={t.notebook.image}>
            {options.images.length === 0 ? <Empty title={t.notebook.noImages}>{t.notebook.noImagesWhy}</Empty>
              : <ImageChoices images={options.images} type={type} chosen={image?.slug ?? null} last={last?.image ?? null} onPick={pickImage} />}
          </Panel>
          <Panel title={t.notebook.env} extra={t.notebook.envKept}>
            <EnvEditor rows={rows} errors={errors} onChange={setRows} />
          </Panel>
          <Panel>
            <Checkbox checked={safeMode} onChange={(event) => setSafeMode(event.target.checked)}>
              {t.notebook.safeMode} <span className="muted">({t.notebook.safeModeWhy})</span>
            </Checkbox>
            <p className="small muted" style={{ paddingInlineStart: 24 }}>{t.notebook.safeModeHelp}</p>
          </Panel>
        </div>
        <aside className="rail">
          <div className="sticky">
            <Answer verdict={request === null ? 'asking' : verdict} decision={check.data} stale={stale} why={why} button={button}
              others={type && refused ? alternatives(options, type, image, lines) : []} onChoose={pickType} />
            {startProblem && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{startProblem.message}</p>}
          </div>
          <Budgets options={options} lines={lines} type={type ? label(type) : ''} machine={machine} />
          <Volumes options={options} safeMode={safeMode} />
        </aside>
      </div>
      <div className="startBar">
        <p className="small">{request === null ? t.notebook.answer.chooseNothing : verdictWords(verdict)}</p>
        {button}
      </div>
      <Modal open={query.get('autolaunch') === '1' && request !== null && !start.isPending} title={t.notebook.startNow} width={440}
        onCancel={noAutolaunch}
        footer={(
          <>
            <Button onClick={noAutolaunch}>{t.notebook.change}</Button>
            <Button type="primary" autoFocus disabled={refused} icon={<Play size={15} aria-hidden />} onClick={() => {
              noAutolaunch();
              go();
            }}>{t.notebook.start}</Button>
          </>
        )}>
        {type && image && (
          <dl className="facts">
            <div><dt>{t.shell.group}</dt><dd>{nameOf(group)}</dd></div>
            <div><dt>{t.notebook.type}</dt><dd>{label(type)}: {summary(type.limits)}</dd></div>
            <div><dt>{t.notebook.image}</dt><dd>{label(image)}</dd></div>
          </dl>
        )}
        <div className="lines">{[...strayed, ...first.warnings].map((w) => <p key={w} className="hint"><TriangleAlert size={14} aria-hidden />{w}</p>)}</div>
        <p className="small" role="status" style={{ marginTop: 8 }}>{verdictWords(verdict)}{refused && check.data ? `: ${check.data.reasons[0]?.message ?? ''}` : '.'}</p>
      </Modal>
    </>
  );
}

const emptyRequest: LaunchRequest = { group: '-', instance_type: '-', image: '-', environment: null, safe_mode: false, server_name: '' };
