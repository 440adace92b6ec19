import { routes } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

export const SKILLS_PER_PAGE = 50;

/** A page of the skills by name, with what is wrong in the operator's folder. */
export const skillsQuery = (offset: number) =>
  queryOptions({
    queryKey: ['skills', 'list', offset],
    queryFn: ({ signal }) => api().call(routes.listSkills, { query: { limit: SKILLS_PER_PAGE, offset }, signal }),
    placeholderData: (previous) => previous,
    // The operator may be at work in the folder just now.
    refetchInterval: 15_000,
  });

/** One skill, with its instructions. */
export const skillQuery = (name: string) =>
  queryOptions({
    queryKey: ['skills', 'one', name],
    queryFn: ({ signal }) => api().call(routes.getSkill, { params: { name }, signal }),
  });
