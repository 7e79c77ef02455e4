import type { ReactNode } from 'react';
import { TextField } from '../../../parts/form/fields';
import type { Fields } from '../../../parts/form/form';
import { Section } from '../../../parts/form/FormPage';

type Named = { name: string; display_name: string; description: string };

/** What things are called and what is said of them; the name is given once. */
export function Basics<T extends Named>({ form, title, nameHelp, descriptionHelp, children }: { form: Fields<T>; title: string; nameHelp: string; descriptionHelp?: string; children?: ReactNode }) {
  const fields = form as unknown as Fields<Named>;
  return (
    <Section title={title}>
      {form.creating && <TextField form={fields} name="name" help={nameHelp} max={63} />}
      <TextField form={fields} name="display_name" optional max={100} />
      <TextField form={fields} name="description" help={descriptionHelp} optional lines={2} max={2000} />
      {children}
    </Section>
  );
}

/** What is sent of a changed draft: each plain field by its name, and the source as a whole where anything of it changed. */
export function changesOf<T extends object, S>(draft: T, changed: readonly (keyof T)[], plain: readonly (keyof T)[], sourceOf: (draft: T) => S): Partial<T> & { source?: S } {
  const fields = Object.fromEntries(changed.filter((key) => plain.includes(key)).map((key) => [key, draft[key]])) as Partial<T>;
  return changed.some((key) => !plain.includes(key)) ? { ...fields, source: sourceOf(draft) } : fields;
}
