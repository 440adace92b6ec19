import type { Persona } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { agentsQuery } from '../../api/agents.ts';
import { Ago } from '../../ui/ago.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatCount, formatDate } from '../../ui/format.ts';
import { Identifier } from '../../ui/identifier.tsx';
import classes from './knowledge.module.css';

/** What is known of a persona beside what it knows; its agents lead to a chat with them. */
export function PersonaFacts({ persona }: { readonly persona: Persona }) {
  const { id, slug, agents: count, created_at: created, created_by: by, updated_at: updated } = persona;
  const agents = useQuery(agentsQuery).data ?? [];
  const having = agents.filter(({ persona_id: has }) => has === id);
  return (
    <div className={classes.facts}>
      <Facts
        facts={[
          ['Slug', slug],
          [
            'Agents',
            having.length === 0
              ? formatCount(count)
              : having.map((agent) => (
                  <span key={agent.id} className={classes.agent}>
                    <Link to="/chat/{-$sessionId}" params={{ sessionId: undefined }} search={{ agent: agent.slug }}>
                      {agent.name}
                    </Link>
                  </span>
                )),
          ],
          ['Changed', <Ago key="u" time={updated} />],
          ['Created', `${formatDate(created)} by ${by}`],
          ['Persona', <Identifier key="i" id={id} of="persona id" />],
        ]}
      />
    </div>
  );
}
