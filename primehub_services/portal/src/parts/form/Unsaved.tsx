export type Change = { label: string; from: string; to: string };

/** What is not saved yet: each change, the old value struck. */
export function Unsaved({ changes }: { changes: readonly Change[] }) {
  return (
    <ul className="diff">
      {changes.map(({ label, from, to }) => <li key={label}><b>{label}</b>{from === to ? null : <span><s>{from}</s> {to}</span>}</li>)}
    </ul>
  );
}
