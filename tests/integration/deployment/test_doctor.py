"""`python -m app.doctor`: a right deployment, and wrong ones, each with its sentence and the remedy."""

from __future__ import annotations

from pathlib import Path

import jwt
import psycopg
import pytest

from local import Stack, StackSettings
from tests.integration.deployment.conftest import Doctor
from tests.support import wrong_deployments
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.service_process import refusing_port, service_variables


def test_a_right_deployment_has_no_failure(doctor: Doctor, variables: dict[str, str]) -> None:
    diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (0, [])
    assert "No check failed" in diagnosis.output
    assert diagnosis.lines["SUPABASE_SECRET_KEY"].endswith(": It is a secret key.")
    assert diagnosis.lines["versions of service and schema"].startswith("ok: The service has version")
    checks = {
        "connection",
        "publishable key",
        "writing",
        "jobs",
        "scheduler",
        "extension pg_net",
        "configuration",
    }
    assert {name for name in checks if not diagnosis.lines[name].startswith("ok: ")} == set()


def test_it_leaves_nothing_behind(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    """But for the version of the service, as any call of service_health()."""
    count = """
    select sum(n_live_tup), (select count(*) from monitoring.service_versions)
    from pg_catalog.pg_stat_user_tables where schemaname = 'public'
    """
    doctor(variables)
    with psycopg.connect(breakable_stack.superuser_database_url, autocommit=True) as connection:
        before = connection.execute(count).fetchone()
        doctor(variables)
        assert connection.execute(count).fetchone() == before
    assert not Path(variables["SPOOL_PATH"]).exists()


def test_legacy_keys_are_right_too(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    legacy = {
        "SUPABASE_SECRET_KEY": breakable_stack.service_role_key,
        "SUPABASE_PUBLISHABLE_KEY": breakable_stack.anon_key,
    }
    diagnosis = doctor({**variables, **legacy})
    assert (diagnosis.exit_code, diagnosis.failed()) == (0, [])
    assert diagnosis.lines["SUPABASE_SECRET_KEY"].endswith(": It is a legacy service_role key.")


# ---- variables ----


def test_every_variable_that_is_wrong_has_a_line(doctor: Doctor) -> None:
    diagnosis = doctor({"SUPABASE_URL": "ftp://x", "PORT": "none"})
    assert diagnosis.exit_code == 1
    for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY", "SUPABASE_PUBLISHABLE_KEY", "INGEST_TOKEN", "PORT"):
        assert f"variables: {name} " in diagnosis.output


def test_a_terminal_without_the_characters_of_a_sentence(doctor: Doctor) -> None:
    diagnosis = doctor({"SUPABASE_SECRET_KEY": "sb_publishable_x", "PYTHONIOENCODING": "ascii"})
    assert diagnosis.exit_code == 1
    assert "Set it to a secret key of the project (sb_secret_" in diagnosis.output


@pytest.mark.parametrize("kind", ["anon_key", "publishable_key"])
def test_the_public_key_in_place_of_the_secret_one(
    doctor: Doctor, variables: dict[str, str], breakable_stack: Stack, kind: str
) -> None:
    diagnosis = doctor({**variables, "SUPABASE_SECRET_KEY": getattr(breakable_stack, kind)})
    assert diagnosis.exit_code == 1
    assert "contains a publishable or anon key. Set it to a secret key" in diagnosis.output


def test_the_secret_key_in_place_of_the_public_one(
    doctor: Doctor, variables: dict[str, str], breakable_stack: Stack
) -> None:
    diagnosis = doctor({**variables, "SUPABASE_PUBLISHABLE_KEY": breakable_stack.secret_key})
    assert diagnosis.exit_code == 1
    assert "contains a secret or service_role key" in diagnosis.output


# ---- keys ----


def test_a_wrong_secret_key(doctor: Doctor, variables: dict[str, str]) -> None:
    diagnosis = doctor({**variables, "SUPABASE_SECRET_KEY": "sb_secret_of_another_project"})
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert diagnosis.lines["connection"] == (
        "failed: Supabase does not accept the secret key. "
        "Set SUPABASE_SECRET_KEY to a secret key of the project that SUPABASE_URL names."
    )


def test_a_wrong_publishable_key(doctor: Doctor, variables: dict[str, str]) -> None:
    diagnosis = doctor({**variables, "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of_another_project"})
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["publishable key"])
    assert "Supabase does not accept the publishable key." in diagnosis.lines["publishable key"]


def test_an_expired_legacy_key(doctor: Doctor, variables: dict[str, str]) -> None:
    expired = jwt.encode({"role": "service_role", "exp": 1_700_000_000}, "x" * 64, algorithm="HS256")
    diagnosis = doctor({**variables, "SUPABASE_SECRET_KEY": expired})
    assert diagnosis.exit_code == 1
    assert "failed: The legacy service_role key has expired." in diagnosis.lines["SUPABASE_SECRET_KEY"]


def test_a_key_of_another_project(doctor: Doctor, variables: dict[str, str]) -> None:
    """The address is one that nobody answers: the key alone tells it."""
    other = jwt.encode({"role": "anon", "ref": "abcdefghij"}, "x" * 64, algorithm="HS256")
    with refusing_port():
        diagnosis = doctor(
            {**variables, "SUPABASE_URL": "http://klmnopqrst.supabase.co:1", "SUPABASE_PUBLISHABLE_KEY": other}
        )
    assert "failed: The key belongs to another project" in diagnosis.lines["SUPABASE_PUBLISHABLE_KEY"]


# ---- the project ----


def test_a_project_that_refuses_connections(doctor: Doctor, variables: dict[str, str]) -> None:
    with refusing_port() as port:
        diagnosis = doctor({**variables, "SUPABASE_URL": f"http://127.0.0.1:{port}"})
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert (
        "Supabase does not answer (ConnectError). Check SUPABASE_URL and whether the project is running."
        in (diagnosis.lines["connection"])
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault.PAUSED, "The project is paused. Restore the project in the Supabase dashboard."),
        (Fault.RESTRICTED, "Supabase restricts the project, because of its usage or an overdue payment."),
        (Fault.UNKNOWN_ADDRESS, "There is no Supabase project at SUPABASE_URL."),
        (Fault.REDIRECT, "SUPABASE_URL redirects to another address."),
        (Fault.GARBAGE, "Supabase does not answer (the response is not that of service_health())."),
    ],
)
def test_an_answer_that_is_not_of_a_running_project(
    doctor: Doctor, variables: dict[str, str], breakable_stack: Stack, fault: Fault, sentence: str
) -> None:
    with running_proxy(breakable_stack.supabase_url) as proxy:
        proxy.target, proxy.always = b"/rpc/", fault
        diagnosis = doctor({**variables, "SUPABASE_URL": proxy.url})
    assert diagnosis.exit_code == 1
    assert sentence in diagnosis.lines["connection"]
    assert not diagnosis.lines.get("publishable key", "").startswith("ok")


# ---- the schema ----


def test_no_schema(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.missing_functions(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert "The database has none of the functions that the service calls" in diagnosis.lines["connection"]
    assert "Run `supabase db push` for this project." in diagnosis.lines["connection"]


def test_a_schema_older_than_the_doctor(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.schema_without_handshake(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert diagnosis.lines["connection"] == (
        "failed: The schema of the database is older than this service. Run `supabase db push` for this project."
    )


@pytest.mark.parametrize(
    ("version", "result", "sentence"),
    [
        ("0.0.9", "failed", "The schema of the database is older than this service."),
        ("0.2.0", "warning", "The schema of the database is one version newer than this service."),
        ("1.0.0", "failed", "The schema of the database is too new for this service."),
    ],
)
def test_a_schema_of_another_version(
    doctor: Doctor, variables: dict[str, str], breakable_stack: Stack, version: str, result: str, sentence: str
) -> None:
    with wrong_deployments.schema_version(breakable_stack, version):
        diagnosis = doctor(variables)
    assert diagnosis.exit_code == (result == "failed")
    line = diagnosis.lines["versions of service and schema"]
    assert line.startswith(f"{result}: {sentence} The service has version 0.1.0, the schema {version}.")


def test_an_unexposed_schema(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.unexposed_schema(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert "The schema public is not exposed by the Data API." in diagnosis.lines["connection"]


def test_a_missing_grant(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.missing_grant(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert "does not permit this key to call the functions of the service" in diagnosis.lines["connection"]


def test_a_read_replica(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.read_replica(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["connection"])
    assert "SUPABASE_URL names a read replica" in diagnosis.lines["connection"]


def test_a_read_only_database(doctor: Doctor, variables: dict[str, str], breakable_stack: Stack) -> None:
    with wrong_deployments.read_only_database(breakable_stack):
        diagnosis = doctor(variables)
    assert (diagnosis.exit_code, diagnosis.failed()) == (1, ["writing"])
    assert "The database accepts no writes: default_transaction_read_only is on." in diagnosis.lines["writing"]


# ---- what the schema needs ----


def diagnosis_after(doctor: Doctor, state: Path, *statements: str) -> tuple[int, dict[str, str]]:
    """The doctor's lines on a stack of its own, after the superuser executed the statements."""
    with Stack.start(StackSettings(state)) as stack:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        diagnosis = doctor({**service_variables(stack), "SPOOL_PATH": str(state.parent / "spool.sqlite3")})
    return diagnosis.exit_code, {name: diagnosis.lines[name] for name in diagnosis.failed()}


def test_no_pg_cron(doctor: Doctor, state: Path) -> None:
    code, failed = diagnosis_after(doctor, state, "drop extension pg_cron cascade")
    assert (code, set(failed)) == (1, {"extension pg_cron", "jobs"})
    assert failed["extension pg_cron"] == (
        "failed: The extension pg_cron is missing, which runs the health checks and all other jobs. "
        "Enable pg_cron in the dashboard under Database, Extensions, then run select monitoring.install(); "
        "in the SQL editor."
    )
    assert "No job is scheduled, because pg_cron is missing" in failed["jobs"]


def test_no_pg_net(doctor: Doctor, state: Path) -> None:
    code, failed = diagnosis_after(doctor, state, "drop extension pg_net cascade")
    assert (code, set(failed)) == (1, {"extension pg_net"})
    assert "The extension pg_net is missing, which sends the health checks." in failed["extension pg_net"]


def test_missing_jobs_rows_and_a_late_scheduler(doctor: Doctor, state: Path) -> None:
    code, failed = diagnosis_after(
        doctor,
        state,
        "delete from cron.job where jobname = 'monitoring-health-checks'",
        "update cron.job set active = false where jobname = 'monitoring-anchor-audit'",
        "update monitoring.job_runs set ran_at = now() - interval '1 hour'",
        "set session_replication_role = replica; delete from public.system_config where key = 'retention'",
        "delete from monitoring.action_kinds",
    )
    assert (code, set(failed)) == (1, {"jobs", "scheduler", "configuration", "seeded rows"})
    assert "Jobs are missing: monitoring-health-checks; inactive: monitoring-anchor-audit." in failed["jobs"]
    assert "The last round of health checks ran" in failed["scheduler"]
    assert "system_config lacks retention. Run select monitoring.install();" in failed["configuration"]
    assert "There are no rows in action_kinds." in failed["seeded rows"]


def test_embeddings_without_their_secret(doctor: Doctor, state: Path) -> None:
    code, failed = diagnosis_after(
        doctor,
        state,
        'update public.system_config set value = value || \'{"embeddings": true, '
        '"embeddings_url": "https://api.example.com/v1/embeddings"}\' where key = \'feature_flags\'',
    )
    assert (code, set(failed)) == (1, {"secret for embeddings"})
    assert "vault.create_secret(" in failed["secret for embeddings"]


def test_a_channel_without_its_secret(doctor: Doctor, state: Path) -> None:
    code, failed = diagnosis_after(
        doctor,
        state,
        "insert into monitoring.secrets (name, value) values ('gone', 'https://hooks.example.com/')",
        'update public.system_config set value = \'[{"name": "ops", "kind": "slack", "url_secret": "gone"}]\' '
        "where key = 'notification_recipients'",
        "delete from monitoring.secrets where name = 'gone'",
    )
    assert (code, set(failed)) == (1, {"secrets of channels"})
    assert "ops, whose url_secret names no secret that exists." in failed["secrets of channels"]
    assert "insert into monitoring.secrets" in failed["secrets of channels"]


# ---- the spool ----


def test_a_spool_beside_the_volume_of_railway(doctor: Doctor, variables: dict[str, str], tmp_path: Path) -> None:
    without = doctor({**variables, "RAILWAY_ENVIRONMENT_NAME": "production"})
    assert "warning: The service has no volume." in without.lines["spool"]
    beside = doctor({**variables, "RAILWAY_VOLUME_MOUNT_PATH": "/data"})
    assert "warning: SPOOL_PATH is not on the volume." in beside.lines["spool"]
    on_it = doctor({**variables, "RAILWAY_VOLUME_MOUNT_PATH": str(tmp_path)})
    assert on_it.lines["spool"].startswith("ok: ")
    assert (without.exit_code, beside.exit_code, on_it.exit_code) == (0, 0, 0)


def test_a_disk_smaller_than_the_spool_may_become(doctor: Doctor, variables: dict[str, str]) -> None:
    diagnosis = doctor({**variables, "SPOOL_MAX_MB": "9999999"})
    assert "Enlarge the volume or lower SPOOL_MAX_MB." in diagnosis.lines["disk space"]
    assert diagnosis.exit_code == 0


def test_a_spool_that_cannot_be_written(doctor: Doctor, variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    diagnosis = doctor({**variables, "SPOOL_PATH": str(tmp_path / "file" / "spool")})
    assert diagnosis.exit_code == 1
    assert "variables: SPOOL_PATH must be a file that the service may write." in diagnosis.output
