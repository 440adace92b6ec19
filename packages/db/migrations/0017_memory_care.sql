-- What says something else about the same thing as an older memory, or says the same in more words, comes in its place: the older
-- stays, and names it.
alter table memories add column superseded_by uuid references memories on delete set null;
create index memories_superseded on memories (superseded_by) where superseded_by is not null;
