import { ClientError } from '@reeve/client';
import type { Persona } from '@reeve/contract';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { agentsQuery } from '../../api/agents.ts';
import { deletePersona, refreshKnowledge } from '../../api/knowledge.ts';
import { Command } from '../../ui/command.tsx';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';
import { formatCount } from '../../ui/format.ts';
import { countsOf } from './bases.ts';
import classes from './knowledge.module.css';

interface DeletePersonaProps {
  readonly persona: Persona;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

/** Asks before a persona is deleted with all that it knows; says what to do first where agents still have it. */
export function DeletePersona({ persona, onDeleted, onClose }: DeletePersonaProps) {
  const { id, name, agents } = persona;
  const cache = useQueryClient();
  const { total, words } = countsOf(persona);
  return (
    <DeleteDialog
      what="persona"
      onDelete={() => deletePersona(id)}
      onSettled={() => refreshKnowledge(cache)}
      onDeleted={onDeleted}
      onClose={onClose}
      advice={(error) => error instanceof ClientError && error.status === 409 && <HowToFree persona={persona} />}
    >
      <p>
        “{name}” is deleted with{' '}
        {total === 0 ? 'its empty knowledge bases' : `all that it knows: ${documentsWords(total)} (${words})`}, and with
        what its agents remember and have learnt: its memories and playbooks. This can’t be undone. Sessions stay.
      </p>
      {agents > 0 && (
        <p>{agents === 1 ? 'An agent has it' : `${formatCount(agents)} agents have it`}, so the server will refuse.</p>
      )}
    </DeleteDialog>
  );
}

/** Which agents have a persona, and how they are given another one or none. */
function HowToFree({ persona: { id } }: Pick<DeletePersonaProps, 'persona'>) {
  const agents = useQuery(agentsQuery).data ?? [];
  const having = agents.filter(({ persona_id: persona }) => persona === id);
  const named = having[0]?.slug ?? 'assistant';
  return (
    <div className={classes.advice}>
      <p>
        A persona can go when no agent has it any more. Give {listOf(having.map(({ name }) => name))} another persona or
        none, or delete what is not needed; then try again.
      </p>
      <Command label="Takes it from an agent" command={`reeve agents edit ${named} --persona none`} />
    </div>
  );
}

function documentsWords(count: number): string {
  return count === 1 ? '1 document' : `${formatCount(count)} documents`;
}

/** Some names as a list in a sentence. */
function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'those that do' : new Intl.ListFormat('en-US').format(names.map((name) => `“${name}”`));
}
