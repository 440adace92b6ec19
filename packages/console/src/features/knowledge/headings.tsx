import classes from './knowledge.module.css';

/** The headings that a chunk stands under, outermost first. */
export function Headings({ headings }: { readonly headings: readonly string[] }) {
  if (headings.length === 0) return null;
  return (
    <ol className={classes.headings} aria-label="Headings">
      {headings.map((heading, index) => (
        <li key={index}>{heading}</li>
      ))}
    </ol>
  );
}
