import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type BodyInputOf, type Decision } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { openHttpPlace, refused, type Caller, type HttpPlace } from '@reeve/testing/http-place';

describe('approvals, policies and limits over HTTP', { timeout: 60_000 }, () => {
  let place: HttpPlace;
  before(async () => void (place = await openHttpPlace()));
  after(() => place[Symbol.asyncDispose]());

  const decide = (id: string, decision: Decision, reason?: string, by: Caller = place.admin) =>
    by.call(routes.decideTask, { params: { id }, body: { decision, reason } });
  const setPolicy = (body: BodyInputOf<typeof routes.putPolicy>, by: Caller = place.admin) =>
    by.call(routes.putPolicy, { body });
  const approvalOf = async (id: string) => {
    const { approval } = await place.admin.call(routes.getTask, { params: { id } });
    assert.ok(approval !== null);
    return approval;
  };

  it('a task that requires it waits for a decision, in one record that every route shows', async () => {
    const { admin } = place;
    const task = await admin.give({ requires_approval: true, payload: { a: 1 } });
    assert.deepEqual([task.status, task.waiting_for, task.requires_approval], ['pending', 'approval', true]);
    await place.work();
    assert.equal((await admin.task(task.id)).status, 'pending');
    const approval = await approvalOf(task.id);
    assert.deepEqual(
      [
        approval.status,
        approval.kind,
        approval.task_id,
        approval.title,
        approval.requested_by,
        approval.default_decision,
      ],
      ['pending', 'task', task.id, task.title, 'key-1', 'reject'],
    );
    assert.equal(Date.parse(approval.expires_at!) - Date.parse(approval.requested_at), 7 * 86_400_000);
    const { tasks } = await admin.call(routes.listPendingApproval, { query: {} });
    assert.deepEqual(tasks.find(({ id }) => id === task.id)?.approval, approval);
    const { approvals, total } = await admin.call(routes.listApprovals, { query: { task_id: task.id } });
    assert.deepEqual([approvals, total], [[approval], 1]);
    for (const query of [{ kind: 'tool_call' }, { status: 'approved' }, { agent_id: 'hasty' }] as const)
      assert.equal((await admin.call(routes.listApprovals, { query: { ...query, task_id: task.id } })).total, 0);

    const { task: approved, journal_entry_id } = await decide(task.id, 'approve', 'looks right');
    assert.deepEqual(
      [approved.status, approved.waiting_for, approved.approved_by_user_id, approved.decision_reason],
      ['pending', null, 'key-1', 'looks right'],
    );
    const decided = await approvalOf(task.id);
    assert.deepEqual([decided.status, decided.decided_by, decided.reason], ['approved', 'key-1', 'looks right']);
    assert.equal(decided.decided_at, approved.approved_at);
    const { entries } = await admin.call(routes.listJournal, {
      query: { task_id: task.id, type: 'approval_approved' },
    });
    assert.deepEqual(
      entries.map(({ id, actor }) => [id, actor]),
      [[journal_entry_id, 'key-1']],
    );
    const { events } = await admin.call(routes.listMemoryEvents, { query: { task_id: task.id } });
    assert.deepEqual(
      events.map(({ id, type }) => [id, type]),
      [[journal_entry_id, 'approval_approved']],
    );
    assert.match(events[0]!.content, /6 \* 7.*approved by key-1: looks right/);
    await place.work();
    assert.equal((await admin.task(task.id)).status, 'completed');
  });

  it('a rejected task has failed with the reason and stays; a second decision is 409', async () => {
    const { admin } = place;
    const task = await admin.give({ requires_approval: true });
    const { task: rejected } = await decide(task.id, 'reject', 'too early');
    const { status, error_code, error_message, rejected_by_user_id, decision_reason, approved_at } = rejected;
    assert.deepEqual(
      { status, error_code, error_message, rejected_by_user_id, decision_reason, approved_at },
      {
        status: 'failed',
        error_code: 'rejected',
        error_message: 'rejected by key-1: too early',
        rejected_by_user_id: 'key-1',
        decision_reason: 'too early',
        approved_at: null,
      },
    );
    await refused(decide(task.id, 'approve'), 409, 'conflict');
    await refused(decide(task.id, 'reject'), 409, 'conflict');
    const again = await admin.call(routes.retryTask, { params: { id: task.id } });
    assert.deepEqual([again.task.waiting_for, again.task.rejected_at], ['approval', null]);
    const [one, other] = await Promise.allSettled([decide(task.id, 'approve'), decide(task.id, 'reject')]);
    assert.deepEqual([one.status, other.status].sort(), ['fulfilled', 'rejected']);
    const free = await admin.give();
    await refused(decide(free.id, 'approve'), 409, 'conflict');
    await refused(decide(newId(), 'approve'), 404, 'not_found');
    await refused(decide(task.id, 'maybe' as 'approve'), 400, 'invalid_request', 'decision');
    await place.work();
  });

  it('the route of approvals decides the same record', async () => {
    const { admin } = place;
    const { id } = await approvalOf((await admin.give({ requires_approval: true })).id);
    const edited = admin.call(routes.decideApproval, {
      params: { id },
      body: { decision: 'approve', edited_input: {} },
    });
    await refused(edited, 400, 'invalid_request', 'edited_input');
    const body = { decision: 'approve' } as const;
    const approved = await admin.call(routes.decideApproval, { params: { id }, body });
    assert.equal(approved.status, 'approved');
    await refused(admin.call(routes.decideApproval, { params: { id }, body }), 409, 'conflict');
    await refused(decide(approved.task_id, 'reject'), 409, 'conflict');
    await place.work();
  });

  it('a decision after its time is 409, and the default is what holds', async () => {
    const { admin } = place;
    await setPolicy({ task_type: 'hurried', auto_execute: false, expires_after_s: 60 });
    await setPolicy({ task_type: 'lenient', auto_execute: false, expires_after_s: 60, default_decision: 'approve' });
    const hurried = await admin.give({ task_type: 'hurried' });
    const lenient = await admin.give({ task_type: 'lenient' });
    assert.equal((await approvalOf(lenient.id)).default_decision, 'approve');
    await place.passTime(61_000);
    await refused(decide(hurried.id, 'approve'), 409, 'conflict');
    await refused(decide(lenient.id, 'reject'), 409, 'conflict');
    const rejected = await admin.task(hurried.id);
    assert.deepEqual([rejected.status, rejected.rejected_by_user_id], ['failed', 'system']);
    assert.deepEqual(
      [(await approvalOf(lenient.id)).status, (await admin.task(lenient.id)).waiting_for],
      ['approved', null],
    );
    await place.work();
  });

  it('what ends before its decision withdraws it', async () => {
    const { admin } = place;
    const task = await admin.give({ requires_approval: true });
    await admin.call(routes.cancelTask, { params: { id: task.id } });
    assert.equal((await approvalOf(task.id)).status, 'withdrawn');
    await refused(decide(task.id, 'approve'), 409, 'conflict');
    const { approvals } = await admin.call(routes.listApprovals, { query: { status: 'withdrawn' } });
    assert.deepEqual(
      approvals.map(({ task_id }) => task_id),
      [task.id],
    );
  });

  it('a tenant’s policy goes before the global one, and without either tasks start by themselves', async () => {
    const { admin, stranger } = place;
    const waits = async (caller: Caller) => (await caller.give({ task_type: 'deploy' })).waiting_for;
    assert.deepEqual([await waits(admin), await waits(stranger)], [null, null]);
    const rule = await setPolicy({ task_type: 'deploy', auto_execute: false });
    assert.deepEqual(
      [rule.tenant, rule.auto_execute, rule.expires_after_s, rule.updated_by],
      [null, false, null, 'key-1'],
    );
    assert.deepEqual([await waits(admin), await waits(stranger)], ['approval', 'approval']);
    await setPolicy({ task_type: 'deploy', auto_execute: true, tenant: 'other' }, stranger);
    assert.deepEqual([await waits(admin), await waits(stranger)], ['approval', null]);
    await setPolicy({ task_type: 'deploy', auto_execute: true });
    await setPolicy({ task_type: 'deploy', auto_execute: false, tenant: 'other' });
    assert.deepEqual([await waits(admin), await waits(stranger)], [null, 'approval']);
    const rulesFor = async (caller: Caller) =>
      (await caller.call(routes.listPolicies, { query: {} })).policies
        .filter(({ task_type }) => task_type === 'deploy')
        .map(({ tenant, auto_execute }) => `${tenant} ${auto_execute}`)
        .sort();
    assert.deepEqual(await rulesFor(admin), ['null true']);
    assert.deepEqual(await rulesFor(stranger), ['null true', 'other false']);
    const remove = (by: Caller, tenant?: string) =>
      by.call(routes.deletePolicy, { params: { task_type: 'deploy' }, query: { tenant } });
    await setPolicy({ task_type: 'deploy', auto_execute: false });
    await refused(remove(stranger), 403, 'forbidden');
    await remove(stranger, 'other');
    assert.deepEqual([await waits(admin), await waits(stranger)], ['approval', 'approval']);
    await refused(remove(admin, 'other'), 404, 'not_found');
    await remove(admin);
    assert.deepEqual([await waits(admin), await waits(stranger)], [null, null]);
  });

  it('a member may ask and look but not decide, and no tenant rules for another', async () => {
    const { admin, member, stranger } = place;
    const task = await member.give({ requires_approval: true });
    assert.equal(task.created_by_user_id, 'ada');
    const { id } = await approvalOf(task.id);
    const body = { decision: 'approve' } as const;
    await refused(decide(task.id, 'approve', undefined, member), 403, 'forbidden');
    await refused(member.call(routes.decideApproval, { params: { id }, body }), 403, 'forbidden');
    await refused(setPolicy({ task_type: 'x', auto_execute: true }, member), 403, 'forbidden');
    await refused(member.call(routes.putLimit, { body: { max_running: 1 } }), 403, 'forbidden');
    await member.call(routes.listPendingApproval, { query: {} });
    await member.call(routes.listLimits, { query: {} });
    await refused(decide(task.id, 'approve', undefined, stranger), 404, 'not_found');
    await refused(stranger.call(routes.decideApproval, { params: { id }, body }), 404, 'not_found');
    assert.equal((await stranger.call(routes.listApprovals, { query: { task_id: task.id } })).total, 0);
    await refused(setPolicy({ task_type: 'x', auto_execute: true }, stranger), 403, 'forbidden');
    await refused(setPolicy({ task_type: 'x', auto_execute: true, tenant: 'default' }, stranger), 403, 'forbidden');
    await refused(setPolicy({ task_type: 'x', auto_execute: true, tenant: 'nobody' }), 404, 'not_found');
    await decide(task.id, 'approve', undefined, admin);
    await place.work();
  });

  it('a limit holds tasks back, of the tenant or of one agent, until it is taken away', async () => {
    const { admin, stranger, hasty } = place;
    const setLimit = async (max_running: number | null, agent_id?: string) => {
      const { limits } = await admin.call(routes.putLimit, { body: { max_running, agent_id } });
      return limits.map((limit) => [limit.agent_id, limit.max_running]);
    };
    assert.deepEqual(await setLimit(0, 'assistant'), [['assistant', 0]]);
    const held = await admin.give();
    const other = await stranger.give();
    const another = await admin.give({ agent_id: hasty.slug });
    await place.work();
    const statuses = async () => [
      (await admin.task(held.id)).status,
      (await stranger.task(other.id)).status,
      (await admin.task(another.id)).status,
    ];
    assert.deepEqual(await statuses(), ['pending', 'completed', 'failed']);
    assert.deepEqual(await setLimit(1), [
      [null, 1],
      ['assistant', 0],
    ]);
    assert.deepEqual(await setLimit(null, 'assistant'), [[null, 1]]);
    assert.equal((await stranger.call(routes.listLimits, { query: {} })).total, 0);
    await place.work();
    assert.deepEqual(await statuses(), ['completed', 'completed', 'failed']);
    assert.deepEqual(await setLimit(null), []);
    await refused(setLimit(-1), 400, 'invalid_request', 'max_running');
    await refused(setLimit(1, 'nobody'), 400, 'unknown_agent', 'agent_id');
  });
});
