/** Reeve's mark: a reeve's tally of five, four strokes and the one that binds them. */
export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      strokeWidth="2"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path stroke="var(--accent)" d="M5.5 5v14M9.8 4.4v14.4M14.2 5.2v14.2M18.5 4.6v14.2" />
      <path stroke="var(--ochre)" d="M2.5 16.6 21.5 7.4" />
    </svg>
  );
}
