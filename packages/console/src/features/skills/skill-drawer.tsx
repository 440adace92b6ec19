import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { skillQuery } from '../../api/skills.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { MarkdownBlock } from '../../ui/markdown-block.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { SOURCES } from './skill-words.ts';
import classes from './skills.module.css';

interface SkillDrawerProps {
  /** Undefined where none is open. */
  readonly name: string | undefined;
  readonly onClose: () => void;
}

/** A skill in full: what a prompt says of it, and the instructions that an agent reads. */
export function SkillDrawer({ name, onClose }: SkillDrawerProps) {
  return (
    <Drawer
      opened={name !== undefined}
      onClose={onClose}
      position="right"
      size="min(44rem, 100vw)"
      title="Skill"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {name !== undefined && <Details key={name} name={name} />}
    </Drawer>
  );
}

function Details({ name }: { readonly name: string }) {
  const { data: skill, isError, error, refetch } = useQuery(skillQuery(name));
  if (skill === undefined)
    return isError ? (
      <ErrorPanel title="The skill could not be loaded" error={error} onRetry={() => void refetch()} />
    ) : (
      <SkeletonRows rows={5} height={48} label="Loading the skill" />
    );
  const { description, source, license, compatibility, metadata, allowed_tools: tools, instructions } = skill;
  const pairs = Object.entries(metadata);
  return (
    <article className={classes.details}>
      <h2>{name}</h2>
      <p className={classes.description}>{description}</p>
      <Facts
        facts={[
          ['Source', SOURCES[source]],
          ['Asks for the tools', tools.length === 0 ? null : tools.join(', ')],
          ['Needs', compatibility],
          ['License', license],
          ['Metadata', pairs.length === 0 ? null : pairs.map(([key, value]) => `${key}: ${value}`).join(', ')],
        ]}
      />
      <div className={classes.block}>
        <MarkdownBlock label="Instructions" text={instructions} />
      </div>
    </article>
  );
}
