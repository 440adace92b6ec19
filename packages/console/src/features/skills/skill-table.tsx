import type { SkillInfo } from '@reeve/contract';
import { Link } from '@tanstack/react-router';

import { firstLine } from '../../ui/format.ts';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { SOURCES } from './skill-words.ts';
import type { SkillsView } from './view.ts';
import classes from './skills.module.css';

interface SkillTableProps {
  readonly skills: readonly SkillInfo[];
  readonly search: SkillsView;
}

/** Skills by name. A row opens its instructions. */
export function SkillTable({ skills, search }: SkillTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Skill</th>
            <th scope="col">Source</th>
          </tr>
        </thead>
        <tbody>
          {skills.map(({ name, description, source }) => (
            <tr key={name}>
              <td className={table.main}>
                <Link to="/admin/tools/skills" search={{ ...search, skill: name }} className={table.link} data-row>
                  {name}
                </Link>
                <span className={table.sub}>{firstLine(description)}</span>
              </td>
              <td className={classes.source}>{SOURCES[source]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
