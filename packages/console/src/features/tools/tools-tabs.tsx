import { Link } from '@tanstack/react-router';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { McpIcon, ToolIcon } from '../../ui/icons.ts';
import classes from './tools.module.css';

const WHOLE = { exact: true, includeSearch: false } as const;

/** From the tools to the servers that some of them come from, and back. */
export function ToolsTabs() {
  return (
    <div className={classes.tabs}>
      <FilterTabs label="Tools and their servers">
        <Link to="/admin/tools" activeOptions={WHOLE}>
          <ToolIcon size={15} /> All tools
        </Link>
        <Link to="/admin/tools/mcp" activeOptions={WHOLE}>
          <McpIcon size={15} /> MCP servers
        </Link>
      </FilterTabs>
    </div>
  );
}
