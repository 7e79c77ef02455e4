import { CircleAlert, CircleCheck } from 'lucide-react';
import type { LinkSent } from '../../../api/admin';
import { exact } from '../../../lib/format';
import { a } from '../../../text/admin';
import { Once } from '../parts/Once';
import { linkOf } from './links';

const words = a.users;

/** A new link, and whether it has gone to somebody: where it could not, it is there to be handed over. */
export function MadeLink({ title, made: { token, expires_at: until, mail }, onClose }: { title: string; made: { token: string; expires_at: string; mail: LinkSent | null }; onClose: () => void }) {
  const sent = mail && (mail.sent
    ? <p className="why small" role="status"><CircleCheck size={14} aria-hidden />{words.mailSent(mail.to)}</p>
    : <p className="err" role="alert"><CircleAlert size={14} aria-hidden />{words.mailNotSent(mail.to, mail.message)}</p>);
  return <Once title={title} value={linkOf(token)} how={mail?.sent ? words.onceSent : undefined} more={words.until(exact(until))} sent={sent} onClose={onClose} />;
}
