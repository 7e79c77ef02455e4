import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Modal } from 'antd';
import { CircleAlert, KeyRound, Plus, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Secret } from '../../api/types';
import { useFocusBack } from '../../lib/focus-back';
import { useUnsaved } from '../../lib/unsaved';
import { Field } from '../../parts/Field';
import { Confirm } from '../../parts/form/Confirm';
import { beside, saidOf } from '../../parts/form/form';
import { Ago, Bones, Empty, Failure, Waiting } from '../../parts/page';
import { t } from '../../text';
import { g } from '../../text/groups';

const words = g.secrets;
type Shown = { kind: 'new' } | { kind: 'replace' | 'delete'; secret: Secret };

/** `env` secrets of a group, or of the person where no group is given: added, replaced, deleted, never read back. */
export function Secrets({ group }: { group: string | null }) {
  const secrets = useQuery(ask.ownSecrets(group));
  const [shown, show] = useState<Shown | null>(null);
  const add = <Button icon={<Plus size={15} aria-hidden />} onClick={() => show({ kind: 'new' })}>{words.create}</Button>;
  const items = secrets.data?.items;
  return (
    <>
      {secrets.error && !items ? <Failure error={secrets.error} what={words.failed} onRetry={() => void secrets.refetch()} />
        : !items ? <Waiting><Bones rows={2} /></Waiting>
          : items.length === 0 ? <Empty title={words.none} action={add}>{words.noneWhy}</Empty>
            : (
              <>
                <ul className="plain secrets">
                  {items.map((secret) => (
                    <li key={secret.id}>
                      <span className="file"><KeyRound size={14} aria-hidden /><b>{secret.name}</b></span><span className="muted">{words.columns.changed} <Ago at={secret.updated_at} /></span>
                      <span className="rowActions">
                        <Button size="small" type="text" aria-label={words.replaceThis(secret.name)} onClick={() => show({ kind: 'replace', secret })}>{words.replace}</Button>
                        <Button size="small" type="text" danger aria-label={words.deleteThis(secret.name)} onClick={() => show({ kind: 'delete', secret })}>{words.delete}</Button>
                      </span>
                    </li>
                  ))}
                </ul>
                <div>{add}</div>
              </>
            )}
      {shown && shown.kind !== 'delete' && <Write group={group} secret={shown.kind === 'replace' ? shown.secret : null} onClose={() => show(null)} />}
      {shown?.kind === 'delete' && <Delete secret={shown.secret} onClose={() => show(null)} />}
    </>
  );
}

function Write({ group, secret, onClose }: { group: string | null; secret: Secret | null; onClose: () => void }) {
  useFocusBack();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const [tried, setTried] = useState(false);
  const [leaving, leave] = useState(false);
  useUnsaved(value !== '');
  const save = useMutation({
    mutationFn: () => (secret
      ? body(api.PATCH('/secrets/{secret}', { params: { path: { secret: secret.slug } }, body: { version: secret.version, value, display_name: null, registry: null, username: null, groups: null } }))
      : body(api.POST('/secrets', { body: { name, value, kind: 'env', group, display_name: '', registry: '', username: '', groups: [] } }))),
    onSuccess: () => {
      onClose();
      return queries.invalidateQueries({ queryKey: ['secrets'] });
    },
  });
  const problem = save.error ? asProblem(save.error) : null;
  const other = beside(problem, secret ? ['value'] : ['name', 'value']);
  const named = secret !== null || name.trim() !== '';
  return (
    // Esc or a click beside it may be a slip; what was typed cannot be read back anywhere
    <Modal open onCancel={() => (value === '' ? onClose() : leave(true))} title={secret ? words.replaceTitle(secret.name) : words.newTitle} width={440} footer={null}>
      <form className="fields" autoComplete="off" onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (named && value !== '') save.mutate();
      }}>
        {!secret && (
          <Field label={words.name} help={words.nameHelp} error={(tried && !named ? words.nameNeeded : '') || saidOf(problem, 'name')}>
            {(ids) => <Input {...ids} className="mono" autoFocus maxLength={63} spellCheck={false} value={name} onChange={(event) => setName(event.target.value.trim())} />}
          </Field>
        )}
        <Field label={words.value} help={words.valueHelp} error={(tried && value === '' ? words.valueNeeded : '') || saidOf(problem, 'value')}>
          {(ids) => <Input.Password {...ids} autoComplete="new-password" value={value} onChange={(event) => setValue(event.target.value)} />}
        </Field>
        {other !== '' && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{other}</p>}
        {leaving && <p className="hint" role="alert"><TriangleAlert size={14} aria-hidden />{words.leave}</p>}
        <div className="ant-modal-footer">
          {leaving ? <><Button danger onClick={onClose}>{t.form.leave.go}</Button><Button autoFocus onClick={() => leave(false)}>{t.form.leave.keep}</Button></> : <Button onClick={onClose}>{words.cancel}</Button>}
          <Button type="primary" htmlType="submit" loading={save.isPending}>{words.save}</Button>
        </div>
      </form>
    </Modal>
  );
}

function Delete({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  useFocusBack();
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.DELETE('/secrets/{secret}', { params: { path: { secret: secret.slug } } }),
    onSuccess: () => {
      onClose();
      return queries.invalidateQueries({ queryKey: ['secrets'] });
    },
  });
  return (
    <Confirm open title={words.deleteTitle(secret.name)} name={secret.name} go={words.deleteGo} keep={words.keep} pending={remove.isPending} error={remove.error} onGo={() => remove.mutate()} onClose={onClose}>
      {words.deleteLose}
    </Confirm>
  );
}
