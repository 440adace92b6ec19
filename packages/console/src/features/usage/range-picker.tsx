import { TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { addDays } from '../../ui/days.ts';
import { FilterTabs } from '../../ui/filter-tabs.tsx';
import classes from './range-picker.module.css';
import type { UsagePageProps } from './view.ts';
import { countDays, PRESETS, type DaysShown } from './usage-range.ts';

interface RangePickerProps extends UsagePageProps {
  readonly shown: DaysShown;
  readonly today: string;
}

/** Which days are counted: the last few, or any two. */
export function RangePicker({ shown, today, search, onSearch }: RangePickerProps) {
  const chosen = shown.to === today ? countDays(shown) : undefined;
  return (
    <div className={classes.picker}>
      <FilterTabs label="Days">
        {PRESETS.map((days) => (
          <Link
            key={days}
            to="/admin/usage"
            search={{ ...search, from: addDays(today, 1 - days), to: undefined }}
            activeProps={{}}
            aria-current={days === chosen ? 'true' : undefined}
          >
            {days} days
          </Link>
        ))}
      </FilterTabs>
      <TextInput
        type="date"
        size="xs"
        aria-label="First day"
        max={shown.to}
        value={shown.from}
        onChange={({ currentTarget: { value } }) => value !== '' && onSearch({ from: value })}
      />
      <TextInput
        type="date"
        size="xs"
        aria-label="Last day"
        min={shown.from}
        max={today}
        value={shown.to}
        // The other end would move with the last day where the address does not name it.
        onChange={({ currentTarget: { value } }) => value !== '' && onSearch({ from: shown.from, to: value })}
      />
    </div>
  );
}
