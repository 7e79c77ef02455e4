import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Modal } from 'antd';
import { CircleAlert, Plus } from 'lucide-react';
import { useState } from 'react';
import { api, asProblem, body } from '../../api/client';
import { ask } from '../../api/queries';
import type { Token } from '../../api/types';
import { Ago, Bones, Day, Empty, Failure, Page, Waiting } from '../../parts/page';
import { useMe } from '../../lib/session';
import { t } from '../../text';
import { CreateToken } from './CreateToken';

export default function Tokens() {
  const me = useMe();
  const tokens = useQuery(ask.tokens());
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Token | null>(null);
  const columns = t.tokens.columns;
  const create = <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setCreating(true)}>{t.tokens.create}</Button>;
  const items = tokens.data?.items;
  // a token carries what it was given; what its person may not do, it cannot do either
  const may = (scope: string) => !(scope.endsWith(':admin') && !me.platform_admin) && !(scope.endsWith(':group-admin') && !me.platform_admin && me.groups.every((group) => group.role !== 'admin'));
  return (
    <Page title={t.tokens.title} lead={t.tokens.lead} actions={items?.length === 0 ? undefined : create}>
      {tokens.error && !items ? <Failure error={tokens.error} what={t.tokens.failed} onRetry={() => void tokens.refetch()} />
        : items?.length === 0 ? <Empty title={t.tokens.none} action={create}>{t.tokens.noneWhy}</Empty>
          : (
            <div className="scroll onSheet" tabIndex={0} role="group" aria-label={t.tokens.title}>
              <table className="sheet">
                <thead><tr>
                  <th scope="col">{columns.note}</th><th scope="col">{columns.scopes}</th><th scope="col">{columns.created}</th>
                  <th scope="col">{columns.used}</th><th scope="col">{columns.expires}</th><th scope="col"><span className="sr">{t.tokens.delete}</span></th>
                </tr></thead>
                <tbody>
                  {items?.map((token) => (
                    <tr key={token.id}>
                      <td className="wrap"><span className="strong">{token.note || t.tokens.unnamed}</span></td>
                      <td className="wrap">{token.scopes.filter(may).map((scope) => <span className="chip" key={scope} title={scope}>{t.tokens.scopeShort[scope] ?? scope}</span>)}</td>
                      <td className="soft"><Ago at={token.created_at} /></td>
                      <td className="soft">{token.last_used_at ? <Ago at={token.last_used_at} /> : t.tokens.never}</td>
                      <td className="soft">{token.expires_at ? <Day at={token.expires_at} /> : t.tokens.never}</td>
                      <td className="r"><Button size="small" type="text" danger aria-label={t.tokens.deleteThis(token.note)} onClick={() => setDeleting(token)}>{t.tokens.delete}</Button></td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {!items && <Waiting><div style={{ padding: '8px 16px' }}><Bones rows={4} widths={[90]} /></div></Waiting>}
            </div>
          )}
      {creating && <CreateToken onClose={() => setCreating(false)} />}
      <DeleteToken token={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}

function DeleteToken({ token, onClose }: { token: Token | null; onClose: () => void }) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: (id: string) => body(api.DELETE('/me/tokens/{token}', { params: { path: { token: id } } })),
    onSuccess: () => {
      onClose();
      return queries.invalidateQueries({ queryKey: ['tokens'] });
    },
  });
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <Modal open={token !== null} onCancel={close} title={t.tokens.deleteAsk(token?.note || t.tokens.unnamed)} width={440} footer={(
      <>
        <Button onClick={close}>{t.tokens.deleteKeep}</Button>
        <Button type="primary" danger loading={remove.isPending} onClick={() => token && remove.mutate(token.id)}>{t.tokens.deleteGo}</Button>
      </>
    )}>
      <p className="small">{t.tokens.deleteLose}</p>
      {remove.error && <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{asProblem(remove.error).message}</p>}
    </Modal>
  );
}
