import type { RecallInput } from '@reeve/contract';
import type { AskVector } from './vectors/index.ts';

/** Who is asked of a query before it is looked for. Without any the answer is lexical. */
export interface MemoryAsks {
  /** Of memories. */
  readonly askVector?: AskVector | undefined;
  /** Of everything else: what no external memory has, and need not hear of. */
  readonly askKnowledge?: AskVector | undefined;
}

/** Who is asked where such kinds are looked for. */
export function askFor({ askVector, askKnowledge }: MemoryAsks, kinds: RecallInput['kinds']): AskVector | undefined {
  return kinds.includes('memory') ? askVector : askKnowledge;
}
