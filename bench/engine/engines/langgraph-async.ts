import type { OpenEngine } from '../engine.ts';
import { open as openLangGraph } from './langgraph.ts';

/** LangGraph.js as it is when nothing is said: a step is stored while the next one runs, so a crash may lose one. */
export const open: OpenEngine = (address, hooks) => openLangGraph(address, hooks, 'async');
