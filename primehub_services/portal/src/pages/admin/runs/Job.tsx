import { a } from '../../../text/admin';
import { JobOf } from '../../jobs/JobPage';

/** A job of whatever group, to read and to end. */
export default function AdminJob() {
  return <JobOf up={{ to: '/admin/jobs', text: a.jobs.title }} />;
}
