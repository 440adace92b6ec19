-- A plan is kept. One that was made while tasks was nearly empty could look an id up in any index that has it, by reading all of
-- that index: every claim and every deletion would, once the table has grown. So the primary key alone has it; tasks of the same
-- moment are put in order as they are read.
drop index tasks_newest;
create index tasks_newest on tasks (tenant_id, created_at desc);

-- Refuses as before, but does not look whether a task with the id of the one that was deleted is there.
alter table runs drop constraint runs_task_id_fkey;
alter table runs add constraint runs_task_id_fkey foreign key (task_id) references tasks on delete restrict;
