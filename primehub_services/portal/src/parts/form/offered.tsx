/** Choices of which this platform can offer only some: the others stand there too, with the reason, and cannot be chosen. */
export function offered<T extends string>(values: readonly T[], words: Record<string, string>, can: (value: T) => boolean, why: (value: T) => string) {
  return values.map((value) => (can(value) ? { value, label: words[value] }
    : { value, disabled: true, label: <>{words[value]} <span className="muted">({why(value)})</span></> }));
}
