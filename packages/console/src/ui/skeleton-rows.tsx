import { Skeleton, VisuallyHidden } from '@mantine/core';

interface SkeletonRowsProps {
  readonly rows: number;
  readonly height: number;
  /** What is loading, for screen readers. */
  readonly label: string;
}

/** Placeholder rows of the height of what is to come. */
export function SkeletonRows({ rows, height, label }: SkeletonRowsProps) {
  return (
    <div aria-busy="true">
      <VisuallyHidden role="status">{label}</VisuallyHidden>
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={height} mb={8} radius="sm" aria-hidden="true" />
      ))}
    </div>
  );
}
