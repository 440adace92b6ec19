import classes from './skills.module.css';

interface SkillProblemsProps {
  readonly problems: readonly { readonly file: string; readonly line: number; readonly message: string }[];
}

/** What is wrong in the operator's folder, by file and line. */
export function SkillProblems({ problems }: SkillProblemsProps) {
  return (
    <section className={classes.problems} aria-label="Problems">
      <p>
        {problems.length === 1 ? 'Something is' : `${problems.length} things are`} wrong in the folder of the operator.
        Such a skill is left out, or still as it was before.
      </p>
      <ul>
        {problems.map(({ file, line, message }) => (
          <li key={`${file}:${line} ${message}`}>
            <code>
              {file}:{line}
            </code>{' '}
            {message}
          </li>
        ))}
      </ul>
    </section>
  );
}
