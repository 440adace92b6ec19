import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { routes, type BodyInputOf, type KnowledgeBase } from '@reeve/contract';
import { createClient } from '@reeve/client';
import { sleep } from '@reeve/kit';
import { startReeve } from '@reeve/testing/reeve';
import { openRunPlace, type RunPlace } from '@reeve/testing/run-place';

let place: RunPlace;
before(async () => void (place = await openRunPlace()));
after(() => place[Symbol.asyncDispose]());
beforeEach(() => place.upstream.reset());

/** What the model was told it is, in one of its requests. */
const system = (index: number) =>
  place.upstream.requests[index]!.messages.flatMap(({ role, text }) => (role === 'system' ? [text] : [])).join();
const run = (agent: string, task: string) =>
  place.admin.call(routes.execute, { body: { task, agent, timeout_ms: 60_000 } });
const persona = (name: string) => place.admin.call(routes.createPersona, { body: { name } });
const addText = (id: string, kb: KnowledgeBase, body: BodyInputOf<typeof routes.addDocument>) =>
  place.admin.call(routes.addDocument, { params: { id, kb }, body });

describe('personas and what they know, over HTTP', { timeout: 300_000 }, () => {
  it('are given documents by form and by text, which are paged, searched, replaced and deleted', async () => {
    const { id, slug } = await persona('Library');
    const params = { id: slug, kb: 'Domain-KB' } as const;
    const form = new FormData();
    form.append('tags', 'manual');
    form.append('source', 'manuals/pump.md');
    form.append('file', new Blob(['# Pump\n\nPrime the pump with two liters of water.']), 'pump.md');
    const sent = await fetch(`${place.reeve.url}/api/v1/personas/${slug}/kbs/Domain-KB/documents`, {
      method: 'POST',
      headers: { authorization: 'Bearer rv_test_key' },
      body: form,
    });
    const document = (await sent.json()) as Record<string, never>;
    assert.equal(sent.status, 201, JSON.stringify(document));
    assert.deepEqual(
      [document['persona_id'], document['title'], document['source'], document['media_type'], document['tags']],
      [id, 'Pump', 'manuals/pump.md', 'text/markdown', ['manual']],
    );
    await addText(slug, 'Domain-KB', { text: 'The boiler is serviced in May.', title: 'Boiler' });
    const page = await place.admin.call(routes.listDocuments, { params, query: { limit: 1, offset: 1 } });
    assert.deepEqual([page.documents.map(({ title }) => title), page.total], [['Pump'], 2]);
    const prefixed = await place.admin.call(routes.listDocuments, { params, query: { source_prefix: 'manuals/' } });
    assert.equal(prefixed.total, 1);

    const search = (query: string) => place.admin.call(routes.searchKnowledge, { params, body: { query, top_k: 1 } });
    const { matches, retrieval } = await search('how do I prime the pump?');
    assert.equal(retrieval, 'lexical');
    assert.equal(matches[0]!.document_id, document['id']);
    assert.deepEqual(
      Object.keys(await place.admin.call(routes.getPersona, { params: { id: slug } })).includes('documents'),
      true,
    );
    const anywhere = await place.admin.call(routes.getRagContext, {
      body: { query: 'boiler', knowledge_bases: ['Domain-KB'] },
    });
    assert.equal(anywhere.matches[0]!.title, 'Boiler');

    await place.admin.call(routes.deleteDocument, { params: { ...params, document_id: document['id']! } });
    assert.deepEqual((await search('prime pump')).matches, []);
    await assert.rejects(
      place.admin.call(routes.getDocument, { params: { ...params, document_id: document['id']! } }),
      {
        status: 404,
      },
    );
  });

  it('are read-only for members where they say who somebody is', async () => {
    const { slug } = await persona('Guarded');
    const { id } = await addText(slug, 'Soul-KB', { text: 'I guard the gate.' });
    const { secret } = await place.admin.call(routes.createKey, { body: { name: 'a member', role: 'member' } });
    const member = createClient({ baseUrl: place.reeve.url, apiKey: secret! });
    const params = { id: slug, kb: 'Soul-KB' } as const;
    const forbidden = { status: 403 };
    await assert.rejects(member.call(routes.addDocument, { params, body: { text: 'I open the gate.' } }), forbidden);
    await assert.rejects(member.call(routes.deleteDocument, { params: { ...params, document_id: id } }), forbidden);
    assert.equal((await member.call(routes.listDocuments, { params, query: {} })).total, 1);
    await member.call(routes.addDocument, { params: { ...params, kb: 'Mind-KB' }, body: { text: 'Gates squeak.' } });
  });

  it('refuse what is neither text nor file, and files that cannot be read, by their fault', async () => {
    const { slug } = await persona('Refusing');
    const post = async (body: RequestInit['body'], headers: Record<string, string> = {}) => {
      const answer = await fetch(`${place.reeve.url}/api/v1/personas/${slug}/kbs/Domain-KB/documents`, {
        method: 'POST',
        headers: { authorization: 'Bearer rv_test_key', ...headers },
        body: body!,
      });
      return [answer.status, ((await answer.json()) as { error: string }).error] as const;
    };
    const json = { 'content-type': 'application/json' };
    assert.deepEqual(await post('{}', json), [400, 'text: is required where no file is sent']);
    const form = new FormData();
    form.append('file', new Blob(['%PDF-1.7\nnothing']), 'broken.pdf');
    const [status, error] = await post(form);
    assert.equal(status, 400);
    assert.match(error, /pdf/i);
    form.set('file', new Blob(['MZ\u0000']), 'program.exe');
    assert.match((await post(form))[1], /\.exe/);
    form.append('text', 'both');
    assert.deepEqual(await post(form), [400, 'text: must be left out beside a file']);
  });

  it('are in every prompt with their Soul whole, and with what fits the request, quoted with its source', async () => {
    const barky = await persona('Barky');
    const other = await persona('Other');
    const soul = 'I am Barky, a toy dog.\n\nI never scold.';
    await addText(barky.slug, 'Soul-KB', { text: soul });
    await addText(barky.slug, 'Domain-KB', { text: 'A tail between the legs means fear.', source: 'dogs.md' });
    await addText(other.slug, 'Domain-KB', { text: 'A tail between the legs means fear, says the other.' });
    await place.makeAgent('barky', { system_prompt: 'Be brief.', persona_id: barky.id, tools: ['remember', 'recall'] });
    await place.makeAgent('nobody', {});
    place.upstream.script([{ text: ['Woof.'] }, { text: ['Hello.'] }]);
    await run('barky', 'What does a tail between the legs mean?');
    assert.ok(system(0).startsWith(`${soul}\n\nBe brief.`), system(0));
    const quoted = system(0).split('<retrieved_context>')[1]!;
    assert.match(
      quoted,
      /"source":"dogs\.md \(document [0-9a-f-]+, part 1\)","text":"A tail between the legs means fear\."/,
    );
    assert.doesNotMatch(quoted, /says the other|I am Barky/);
    await run('nobody', 'What does a tail between the legs mean?');
    assert.doesNotMatch(system(1), /fear|Barky/);
  });

  it('remember for themselves, and know what is remembered for all', async () => {
    const [one, two] = [await persona('One'), await persona('Two')];
    for (const [slug, persona_id] of [
      ['one', one.id],
      ['two', two.id],
    ] as const)
      await place.makeAgent(slug, { persona_id, tools: ['remember'] });
    await place.admin.call(routes.remember, { body: { text: 'The harvest festival is in October.' } });
    place.upstream.script([
      { toolCalls: [{ name: 'remember', input: { text: 'The harvest festival needs forty chairs.' } }] },
      { text: ['Noted.'] },
      { text: ['Forty.'] },
      { text: ['Unknown.'] },
    ]);
    await run('one', 'Note that the harvest festival needs forty chairs.');
    await run('one', 'How many chairs does the harvest festival need?');
    await run('two', 'How many chairs does the harvest festival need?');
    assert.match(system(2), /forty chairs/);
    assert.match(system(2), /in October/);
    assert.doesNotMatch(system(3), /forty chairs/);
    assert.match(system(3), /in October/);
  });

  it('belong to agents only where they are there, and stay as long as an agent has them', async () => {
    const { id, slug } = await persona('Kept');
    const missing = { name: 'Lost', slug: 'lost', persona_id: '0190a6a0-0000-7000-8000-00000000000a' };
    await assert.rejects(place.admin.call(routes.createAgent, { body: missing }), {
      status: 400,
      message: `persona_id: names no persona: ${missing.persona_id}`,
    });
    await place.makeAgent('keeper', { persona_id: id });
    await assert.rejects(place.admin.call(routes.deletePersona, { params: { id: slug } }), {
      status: 409,
      message: 'an agent has the persona kept',
    });
    await place.admin.call(routes.updateAgent, { params: { id: 'keeper' }, body: { persona_id: null } });
    await place.admin.call(routes.deletePersona, { params: { id: slug } });
    await assert.rejects(place.admin.call(routes.restoreAgentVersion, { params: { id: 'keeper', version: 1 } }), {
      status: 400,
      message: /names no persona/,
    });
  });

  it('learn from what worked: a task that failed is done by a later run that is told how', async () => {
    const { id } = await persona('Learner');
    await place.makeAgent('learner', {
      persona_id: id,
      tools: ['calculator'],
      limits: { max_steps: 4, max_cost_usd: null, timeout_ms: 60_000 },
    });
    const task = 'Work out the quarterly rent of the warehouse.';
    const wrong = { toolCalls: [{ name: 'calculator', input: { expression: 'rent * quarter' } }] };
    const right = { toolCalls: [{ name: 'calculator', input: { expression: '3 * 1250' } }] };
    // A model that knows how only where it is told, but once by chance.
    let lucky = false;
    place.upstream.respond(({ messages }) => {
      const called = messages.at(-1)!.role === 'tool';
      if (called && !messages.at(-1)!.text.includes('3750')) return wrong;
      if (called) return { text: ['It is 3750.'] };
      const told = messages.some(({ role, text }) => role === 'system' && text.includes('3 * 1250'));
      return told || lucky ? right : wrong;
    });
    await assert.rejects(run('learner', task), (error: Error) => {
      assert.match(error.message, /limit of 4 steps/);
      return true;
    });
    const books = () => place.admin.call(routes.listPlaybooks, { query: { persona_id: id } });
    assert.equal((await books()).total, 0);
    lucky = true;
    assert.equal((await run('learner', task)).result, 'It is 3750.');
    lucky = false;
    assert.equal((await run('learner', 'Please work out the quarterly rent of our warehouse')).result, 'It is 3750.');
    const [book] = (await books()).playbooks;
    assert.deepEqual(
      [book?.goal, book?.steps, book?.successes, book?.failures],
      [task, [{ tool: 'calculator', args: { expression: '3 * 1250' } }], 2, 0],
    );
    // Wrong ones fall out.
    place.upstream.respond(({ messages }) => {
      const isFirst = !messages.some(({ role }) => role === 'tool');
      return isFirst ? right : wrong;
    });
    for (const failures of [0, 1]) {
      assert.equal((await books()).playbooks[0]?.failures, failures);
      await assert.rejects(run('learner', task));
    }
    assert.equal((await books()).total, 0);
  });

  it('take playbooks from people, too', async () => {
    const { id, slug } = await persona('Taught');
    const body = {
      session_id: '0190a6a0-0000-7000-8000-00000000000b',
      prompt: 'Back up the greenhouse',
      history_sequence: [
        { role: 'user' as const, content: 'Back it up' },
        { role: 'tool-plan' as const, content: '{"name":"bash_execute","input":{"command":"tar c greenhouse"}}' },
      ],
      persona_id: slug,
    };
    const { merged } = await place.admin.call(routes.storePlaybook, { body });
    assert.equal(merged, false);
    assert.equal((await place.admin.call(routes.storePlaybook, { body })).merged, true);
    const { entries } = await place.admin.call(routes.listAudit, { query: { action: 'PLAYBOOK_STORED' } });
    assert.deepEqual(
      entries.map(({ details }) => details['merged']),
      [true, false],
    );
    const { playbooks } = await place.admin.call(routes.listPlaybooks, { query: { persona_id: id } });
    assert.deepEqual(
      playbooks.map(({ goal, steps, successes }) => [goal, steps, successes]),
      [['Back up the greenhouse', [{ tool: 'bash_execute', args: { command: 'tar c greenhouse' } }], 2]],
    );
    await assert.rejects(
      place.admin.call(routes.storePlaybook, {
        body: { ...body, history_sequence: body.history_sequence.slice(0, 1) },
      }),
      { status: 400, message: /must hold 1 to 20 calls of tools/ },
    );
    await assert.rejects(place.admin.call(routes.storePlaybook, { body: { ...body, prompt: ' \n' } }), {
      status: 400,
      message: /prompt: must say what the goal is/,
    });
    await place.admin.call(routes.deletePlaybook, { params: { id: playbooks[0]!.id } });
    await assert.rejects(place.admin.call(routes.deletePlaybook, { params: { id: playbooks[0]!.id } }), {
      status: 404,
    });
  });
});

describe('the Body of a persona', { timeout: 120_000 }, () => {
  it('says by itself which tools there are, and which of them stopped working', async () => {
    await using reeve = await startReeve({ BODY_REFRESH_S: '1' });
    const { call } = createClient({ baseUrl: reeve.url });
    const { slug } = await call(routes.createPersona, { body: { name: 'Embodied' } });
    const params = { id: slug, kb: 'Body-KB' } as const;
    const says = async (query: string, what: RegExp) => {
      for (let tries = 0; ; tries++) {
        const { matches } = await call(routes.searchKnowledge, { params, body: { query } });
        if (matches.some(({ text }) => what.test(text))) return;
        assert.ok(tries < 300, `${query}: ${JSON.stringify(matches)}`);
        await sleep(100);
      }
    };
    await says('calculator', /- calculator: /);
    await says('sandbox QuickJS', /- sandbox: \w+, JavaScript in QuickJS/);
    const { documents } = await call(routes.listDocuments, { params, query: {} });
    assert.deepEqual(documents.map(({ source }) => source ?? '').toSorted(), ['reeve:environment', 'reeve:tools']);
  });
});
