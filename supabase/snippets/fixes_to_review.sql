-- Known fixes that nobody approved, latest first. After reading one: select public.approve_fix(id, revision, true);
select
  error_knowledge.id,
  error_knowledge.revision,
  error_knowledge.remembered_by,
  error_knowledge.updated_at,
  error_knowledge.pattern,
  error_knowledge.root_cause,
  error_knowledge.solution,
  error_knowledge.auto_fix_code,
  error_knowledge.success_count,
  error_knowledge.failure_count
from public.error_knowledge
where not error_knowledge.is_approved
order by error_knowledge.updated_at desc
limit 100;
