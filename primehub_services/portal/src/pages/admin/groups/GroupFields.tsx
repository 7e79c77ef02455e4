import { useQuery } from '@tanstack/react-query';
import { ask } from '../../../api/queries';
import { RESOURCES } from '../../../lib/resources';
import { ChoiceField, LimitField, NumberField, SwitchField, TextField, TimeoutField } from '../../../parts/form/fields';
import type { Fields } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';
import { t } from '../../../text';
import { a } from '../../../text/admin';
import type { GroupDraft } from './draft';

const words = a.groups;
const units = { cpu: t.form.units.cores, memory: t.form.units.gib, gpu: t.form.units.gpus };

/** The group's own fields, of a new one and of one that is there. */
export function GroupFields({ form, slug }: { form: Fields<GroupDraft>; slug: string | null }) {
  const { data: settings } = useQuery(ask.settings());
  return (
    <>
      <Section title={words.basics}>
        {form.creating && <TextField form={form} name="name" help={words.nameHelp} max={63} />}
        <TextField form={form} name="display_name" help={words.displayNameHelp} optional max={100} />
        <TextField form={form} name="description" optional lines={2} max={2000} />
      </Section>
      <Section title={words.quotas} why={words.quotasWhy}>
        <div className="quotaTable">
          <span /><b>{words.each}</b><b>{words.whole}</b>
          {RESOURCES.map((resource) => [
            <span key={resource}>{t.resource[resource]}</span>,
            <LimitField key={`u${resource}`} form={form} name={`user_${resource}`} unit={units[resource]} />,
            <LimitField key={`g${resource}`} form={form} name={`group_${resource}`} unit={units[resource]} />,
          ])}
        </div>
      </Section>
      <Section title={words.volume} why={slug === null ? undefined : <>{words.volumeWhy} <code>/project/{slug}</code>.</>}>
        <SwitchField form={form} name="shared_volume" />
        {form.draft.shared_volume && <NumberField form={form} name="shared_volume_capacity" unit={t.form.units.gib} help={words.capacityHelp} optional min={1} placeholder={words.volumeOpen} />}
        {form.draft.shared_volume && <SwitchField form={form} name="launch_group_only" help={words.launchOnlyHelp} />}
      </Section>
      <Section title={words.security} why={words.securityWhy}>
        <ChoiceField form={form} name="pod_security" choices={words.levels} />
      </Section>
      <Section title={words.timeouts} why={words.timeoutsWhy}>
        <TimeoutField form={form} name="idle_timeout" platform={settings?.idle_timeout} />
        <TimeoutField form={form} name="job_timeout" platform={settings?.job_timeout} first={86_400} />
      </Section>
    </>
  );
}
