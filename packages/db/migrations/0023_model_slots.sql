-- How many calls to a model each process may have in flight, where processes share its limit. A lease that is not renewed
-- ends. Not logged: after a crash of the server no process holds a lease.
create unlogged table model_slots (
  provider     text not null,
  model        text not null,
  process_id   text not null,
  slots        integer not null,
  wanted       integer not null, -- calls that run or wait in the process
  learnt_limit integer,          -- what the process learnt or follows; null where the limit is known
  expires_at   timestamptz not null,
  primary key (provider, model, process_id)
) with (fillfactor = 50);
