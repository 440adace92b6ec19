// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type KnowledgeBase } from '@reeve/contract';
import { newId, sleep } from '@reeve/kit';
import type { Caller } from '@reeve/testing/http-place';
import { openRunPlace, type RunPlace } from '@reeve/testing/run-place';

/*
 * Two tenants with two personas each, who know the same things in the same words but for one: their secret. Whoever is asked, and
 * however, must tell nobody else's.
 */

const BASES = ['Soul-KB', 'Domain-KB', 'Body-KB', 'Mind-KB'] as const satisfies KnowledgeBase[];
const TOPIC = 'The vault under the old harbor opens with the word';
const QUESTION = 'Which word opens the vault under the old harbor?';
const TASK = 'Work out how the vault under the old harbor is opened';

/** One of the four, with what belongs to it. */
interface Planted {
  readonly caller: Caller;
  readonly agent: string;
  readonly secret: string;
  readonly persona: string;
  readonly documents: readonly string[];
  readonly memory: string;
  readonly playbook: string;
  readonly session: string;
}

describe('personas of two tenants who know nearly the same', { timeout: 300_000 }, () => {
  let place: RunPlace;
  let all: readonly Planted[];

  before(async () => {
    place = await openRunPlace();
    const [admin, stranger] = [place.admin, place.stranger];
    all = [
      await plant(admin, 'amber', 'one'),
      await plant(admin, 'birch', 'two'),
      await plant(stranger, 'cedar', 'one'),
      await plant(stranger, 'delta', 'two'),
    ];
  });
  after(() => place[Symbol.asyncDispose]());

  /** The same names in both tenants, so that ids and slugs are the only difference. */
  async function plant(caller: Caller, word: string, name: string): Promise<Planted> {
    const secret = `${word}${newId().slice(-6)}`;
    const { id: persona } = await caller.call(routes.createPersona, { body: { name } });
    const documents = [];
    for (const kb of BASES) {
      const body = { text: `${TOPIC} ${secret}, says ${kb}.`, source: 'vault.md', title: 'Vault' };
      documents.push((await caller.call(routes.addDocument, { params: { id: persona, kb }, body })).id);
    }
    const text = `${TOPIC} ${secret}`;
    const { id: memory } = await caller.call(routes.remember, { body: { text, persona_id: persona, tags: ['vault'] } });
    const session = newId();
    const history_sequence = [{ tool: 'run_code', args: { code: `open("${secret}")` } }];
    const { id: playbook } = await caller.call(routes.storePlaybook, {
      body: { session_id: session, prompt: TASK, history_sequence, persona_id: persona },
    });
    await caller.call(routes.createAgent, {
      body: { name, slug: name, persona_id: persona, tools: ['recall', 'remember'] },
    });
    return { caller, agent: name, secret, persona, documents, memory, playbook, session };
  }

  /** Nothing in `text` is another's, of whatever tenant. */
  function requireOwn(own: Planted, text: string, what: string): void {
    for (const other of all)
      if (other !== own)
        for (const theirs of [other.secret, other.persona, other.memory, other.playbook, ...other.documents])
          assert.ok(!text.includes(theirs), `${what} of ${own.secret} has ${theirs} of ${other.secret}: ${text}`);
  }

  it('search, recall and gather their own alone, whatever they ask for', async () => {
    for (const own of all)
      for (const query of [QUESTION, TOPIC, TASK, 'vault'])
        for (const knowledge_base of BASES) {
          const params = { id: own.agent, kb: knowledge_base };
          const found = await own.caller.call(routes.searchKnowledge, { params, body: { query, top_k: 50 } });
          assert.ok(JSON.stringify(found).includes(own.secret), query);
          requireOwn(own, JSON.stringify(found), 'the search');
          const context = await own.caller.call(routes.getRagContext, {
            body: { query, top_k: 50, knowledge_bases: [...BASES], persona_id: own.persona },
          });
          requireOwn(own, JSON.stringify(context), 'the context');
          const recalled = await own.caller.call(routes.recall, {
            body: { query, top_k: 50, persona_id: own.persona },
          });
          assert.equal(recalled.matches.length, 1);
          requireOwn(own, JSON.stringify(recalled), 'the recall');
        }
  });

  it('find nothing by another’s secret, and are not told whether there is such a thing', async () => {
    for (const own of all)
      for (const other of all.filter((one) => one !== own)) {
        const params = { id: own.persona, kb: 'Domain-KB' } as const;
        const found = await own.caller.call(routes.searchKnowledge, { params, body: { query: other.secret } });
        assert.deepEqual(found.matches, []);
        const recalled = await own.caller.call(routes.recall, {
          body: { query: other.secret, persona_id: own.persona },
        });
        assert.deepEqual(recalled.matches, []);
        for (const document_id of other.documents) {
          const theirs = await own.caller
            .call(routes.getDocument, { params: { ...params, document_id } })
            .catch((error: Error) => error);
          assert.ok(theirs instanceof Error);
          assert.equal(theirs.message, `there is no document ${document_id} in this knowledge base`);
        }
      }
  });

  it('put nothing of another’s into a prompt, nor do their agents’ tools', async () => {
    for (const own of all) {
      place.upstream.reset();
      place.upstream.script([
        { toolCalls: [{ name: 'recall', input: { query: TOPIC, top_k: 50 } }] },
        { text: ['It is open.'] },
      ]);
      await own.caller.call(routes.execute, { body: { task: TASK, agent: own.agent, timeout_ms: 60_000 } });
      assert.equal(place.upstream.requests.length, 2);
      const sent = JSON.stringify(place.upstream.requests);
      for (const what of [`${own.secret}, says Soul-KB`, `${own.secret}, says Domain-KB`, `memory ${own.memory}`])
        assert.ok(sent.includes(what), what);
      assert.ok(sent.includes(`playbook ${own.playbook}`), 'the playbook is offered');
      requireOwn(own, sent, 'the prompt');
    }
  });

  it('find what was said in their own sessions alone', async () => {
    for (const own of all) {
      place.upstream.reset();
      place.upstream.script([{ text: [`It opens with ${own.secret}.`] }]);
      await own.caller.call(routes.execute, { body: { task: TASK, agent: own.agent, timeout_ms: 60_000 } });
    }
    for (const own of all) {
      const body = { query: TASK, top_k: 100, kinds: ['message' as const], persona_id: own.persona };
      const said = async () => JSON.stringify(await own.caller.call(routes.recall, { body }));
      for (let tries = 0; !(await said()).includes(own.secret); tries++) {
        assert.ok(tries < 300, 'what was said is never found');
        await sleep(100);
      }
      requireOwn(own, await said(), 'the recall of messages');
    }
  });

  it('list and change nothing of another tenant’s', async () => {
    for (const own of all)
      for (const other of all.filter(({ caller }) => caller !== own.caller)) {
        const listed = JSON.stringify([
          await own.caller.call(routes.listPersonas, { query: {} }),
          await own.caller.call(routes.listMemories, { query: {} }),
          await own.caller.call(routes.listPlaybooks, { query: {} }),
        ]);
        for (const theirs of [other.secret, other.persona, other.memory, other.playbook])
          assert.ok(!listed.includes(theirs), theirs);
        const gone = { status: 404 };
        const { caller } = own;
        await assert.rejects(caller.call(routes.getPersona, { params: { id: other.persona } }), gone);
        await assert.rejects(caller.call(routes.deletePersona, { params: { id: other.persona } }), gone);
        await assert.rejects(caller.call(routes.deleteMemory, { params: { id: other.memory } }), gone);
        await assert.rejects(caller.call(routes.deletePlaybook, { params: { id: other.playbook } }), gone);
        const params = { id: other.persona, kb: 'Domain-KB' } as const;
        await assert.rejects(caller.call(routes.searchKnowledge, { params, body: { query: TOPIC } }), gone);
        const body = { text: 'mine', persona_id: other.persona };
        await assert.rejects(caller.call(routes.remember, { body }), { status: 400, message: /names no persona/ });
      }
  });
});
