import { useEffect } from 'react';
import { Link, useLocation } from 'react-router';
import { useGroup } from '../../lib/session';
import { Page } from '../../parts/page';
import { t } from '../../text';
import { guide } from '../../text/guide';

/** The way to the first results, a few steps each, with links to the pages that they are about. */
export default function Guide() {
  const group = useGroup();
  const { hash } = useLocation();
  const base = `/g/${group.group}`;
  useEffect(() => {
    document.getElementById(hash.slice(1))?.scrollIntoView();
  }, [hash]);
  return (
    <Page title={t.shell.guide}>
      <div className="prose">
        {guide.map((chapter) => (
          <section key={chapter.id} id={chapter.id} aria-label={chapter.title}>
            <div><h2>{chapter.title}</h2><p className="lead">{chapter.why}</p></div>
            <ol>{chapter.steps.map(({ text, to, link }) => <li key={text}>{text}{to !== undefined && <> <Link to={`${base}/${to}`}>{link}</Link></>}</li>)}</ol>
          </section>
        ))}
      </div>
    </Page>
  );
}
