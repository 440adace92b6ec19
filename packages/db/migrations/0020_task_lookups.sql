-- A plan is kept. One that was made while tasks was nearly empty could look an id up in any index that has it, by reading all of
-- that index: every claim and every deletion would, once the table has grown. So the primary key alone has it; tasks of the same
-- moment are put in order as they are read.
create index tasks_by_time on tasks (tenant_id, created_at desc);
drop index tasks_newest;
alter index tasks_by_time rename to tasks_newest;

-- Refuses as before, but does not look whether a task with the id of the one that was deleted is there. The one before has seen
-- to it that all runs have their tasks.
alter table runs drop constraint runs_task_id_fkey;
alter table runs add constraint runs_task_id_fkey foreign key (task_id) references tasks on delete restrict not valid;
