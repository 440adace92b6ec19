import { Link } from '@tanstack/react-router';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import { MemoryIcon, PlaybookIcon } from '../../ui/icons.ts';
import classes from './memory.module.css';

const WHOLE = { exact: true, includeSearch: false } as const;

/** From what was remembered to what was learnt by doing, and back. */
export function MemoryTabs() {
  return (
    <div className={classes.tabs}>
      <FilterTabs label="Memories and playbooks">
        <Link to="/admin/memory" activeOptions={WHOLE}>
          <MemoryIcon size={15} /> Memories
        </Link>
        <Link to="/admin/memory/playbooks" activeOptions={WHOLE}>
          <PlaybookIcon size={15} /> Playbooks
        </Link>
      </FilterTabs>
    </div>
  );
}
