import { Button, Tooltip, type ButtonProps } from '@mantine/core';

interface GatedButtonProps extends ButtonProps {
  /** Why it cannot be used; undefined where it can. */
  readonly refusal: string | undefined;
  readonly onClick: () => void;
}

/** A button that stays in its place for those who may not use it, can be reached by them, and says why. */
export function GatedButton({ refusal, onClick, ...button }: GatedButtonProps) {
  const refused = refusal !== undefined;
  return (
    <Tooltip label={refusal} disabled={!refused} multiline maw={280} events={EVENTS}>
      <Button {...button} data-disabled={refused} aria-disabled={refused || undefined} {...(!refused && { onClick })} />
    </Tooltip>
  );
}

const EVENTS = { hover: true, focus: true, touch: true };
