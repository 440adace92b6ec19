import { Link } from '@tanstack/react-router';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { McpIcon, SkillIcon, ToolIcon } from '../../ui/icons.ts';
import classes from './tools.module.css';

const WHOLE = { exact: true, includeSearch: false } as const;

/** From the tools to the servers that some of them come from, to the skills that say how they are used, and back. */
export function ToolsTabs() {
  return (
    <div className={classes.tabs}>
      <FilterTabs label="Tools, servers and skills">
        <Link to="/admin/tools" activeOptions={WHOLE}>
          <ToolIcon size={15} /> All tools
        </Link>
        <Link to="/admin/tools/mcp" activeOptions={WHOLE}>
          <McpIcon size={15} /> MCP servers
        </Link>
        <Link to="/admin/tools/skills" activeOptions={WHOLE}>
          <SkillIcon size={15} /> Skills
        </Link>
      </FilterTabs>
    </div>
  );
}
