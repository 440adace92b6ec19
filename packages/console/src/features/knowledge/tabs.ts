import { KNOWLEDGE_BASES } from '@reeve/contract';

/** The tabs of a persona: its knowledge bases, and what an agent would be shown of them. */
export const PERSONA_TABS = [...KNOWLEDGE_BASES, 'search'] as const;
export type PersonaTab = (typeof PERSONA_TABS)[number];
