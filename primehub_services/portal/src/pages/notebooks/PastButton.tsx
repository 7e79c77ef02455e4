import { History } from 'lucide-react';
import { useGroup } from '../../lib/session';
import { LinkButton } from '../../parts/LinkButton';
import { t } from '../../text';

export function PastButton() {
  const group = useGroup();
  return <LinkButton to={`/g/${group.group}/notebooks/past`} icon={<History size={15} aria-hidden />}>{t.notebook.past}</LinkButton>;
}
