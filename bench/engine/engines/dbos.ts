import { DBOS } from '@dbos-inc/dbos-sdk';
import { resultOf, say, type Address, type Engine, type Hooks, type Say, type Shape } from '../engine.ts';

/** DBOS: the agent's loop as a workflow, each call of the model and of the tool one of its steps. */
export async function open({ url = '' }: Address, hooks: Hooks): Promise<Engine> {
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error' });
  const work = DBOS.registerWorkflow(
    async (shape: Shape) => {
      const results: unknown[] = [];
      for (;;) {
        const said = await DBOS.runStep(() => answer(shape, results.length, hooks), { name: 'model' });
        if (said.do !== 'call') return said.do === 'answer' ? said.text : '';
        results.push(
          await DBOS.runStep(
            async () => {
              hooks.called();
              return resultOf(said.input);
            },
            { name: 'tool' },
          ),
        );
      }
    },
    { name: 'work' },
  );
  let launched = false;
  const launch = async () => {
    if (!launched) await DBOS.launch();
    launched = true;
  };
  return {
    async run(shape) {
      await launch();
      const handle = await DBOS.startWorkflow(work, { workflowID: shape.seed })(shape);
      return handle.getResult();
    },
    async resume() {
      const takenAt = performance.now();
      await launch();
      return takenAt;
    },
    [Symbol.asyncDispose]: () => DBOS.shutdown(),
  };
}

async function answer(shape: Shape, results: number, hooks: Hooks): Promise<Say> {
  hooks.asked();
  const said = say(shape, results);
  if (said.do !== 'hang') return said;
  hooks.hanging();
  return new Promise(() => undefined);
}
