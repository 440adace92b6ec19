import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { personaQuery } from '../../api/knowledge.ts';
import { shortId } from '../../ui/format.ts';

/** A persona by its name, and the way to it; the end of its id while the name is not known. */
export function PersonaLink({ id }: { readonly id: string }) {
  const persona = useQuery(personaQuery(id)).data;
  return (
    <Link to="/admin/knowledge/$persona" params={{ persona: persona?.slug ?? id }}>
      {persona?.name ?? shortId(id)}
    </Link>
  );
}
