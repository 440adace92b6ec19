import type { ToolInfo } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { firstLine } from '../../ui/format.ts';
import { Status } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { EFFECT_WORDS, sourceWords, stateOf } from './tool-words.ts';
import type { ToolsView } from './view.ts';
import classes from './tools.module.css';

interface ToolTableProps {
  readonly tools: readonly ToolInfo[];
  readonly search: ToolsView;
}

/** Tools by name. A row opens its details. */
export function ToolTable({ tools, search }: ToolTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Name</th>
            <th scope="col">Effect</th>
            <th scope="col" className={table.wide}>
              Source
            </th>
          </tr>
        </thead>
        <tbody>
          {tools.map((tool) => (
            <Row key={tool.name} tool={tool} search={search} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ tool, search }: { readonly tool: ToolInfo; readonly search: ToolsView }) {
  const { name, description, effect, source, unavailable_reason: reason } = tool;
  return (
    <tr>
      <td>
        <Status {...stateOf(tool)} />
      </td>
      <td className={table.main}>
        <Link
          to="/admin/tools"
          search={{ ...search, tool: name }}
          className={`${table.link} ${classes.code}`}
          title={name}
          data-row
        >
          {name}
        </Link>
        <span className={table.sub}>{reason ?? firstLine(description)}</span>
        <span className={`${table.sub} ${table.narrowOnly}`}>{sourceWords(source)}</span>
      </td>
      <td title={EFFECT_WORDS[effect]}>{effect}</td>
      <td className={`${table.wide} ${classes.source}`}>{sourceWords(source)}</td>
    </tr>
  );
}
