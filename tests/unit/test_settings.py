"""Settings: what is wrong is said at once and in full, and no secret with it."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from unittest.mock import patch

import jwt
import pytest

from app.settings import CREDENTIALS, Settings, SettingsError, load_settings
from tests.support.service_process import PROJECT
from tests.support.waiting import DEADLINE_SECONDS

GOOD = {
    "SUPABASE_URL": "https://abc.supabase.co/",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of-this-test",
    "SUPABASE_SECRET_KEY": "sb_secret_of-this-test",
    "INGEST_TOKEN": "0123456789abcdef",
}


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of a process with these variables and no others."""
    with patch.dict(os.environ, environ, clear=True):
        return load_settings()


def legacy_key(role: str) -> str:
    """A JSON Web Token with that role, as Supabase's legacy keys are."""
    return jwt.encode({"iss": "supabase", "role": role}, "a secret of this test, long enough for HS256")


def test_good_variables_make_settings() -> None:
    settings = load({**GOOD, "ADMIN_CONSOLE_URL": "https://A.example:443/x, http://b.example:8080"})
    assert settings == Settings(
        SUPABASE_URL="https://abc.supabase.co",
        SUPABASE_PUBLISHABLE_KEY="sb_publishable_of-this-test",
        SUPABASE_SECRET_KEY="sb_secret_of-this-test",  # noqa: S106 - of this test
        INGEST_TOKEN="0123456789abcdef",  # noqa: S106 - of this test
        ADMIN_CONSOLE_URL=("https://a.example", "http://b.example:8080"),
        HOST="0.0.0.0",  # noqa: S104 - the default under test
        PORT=3000,
        LOG_LEVEL="INFO",
    )


def test_each_ingest_token_names_its_sender() -> None:
    settings = load({**GOOD, "INGEST_TOKENS": " shop : 0123456789abcdef=, mobile-api:0123456789abcdef:mobile"})
    assert settings.tokens_by_sender == {
        "server:default": ("0123456789abcdef",),
        "server:shop": ("0123456789abcdef=",),
        "server:mobile-api": ("0123456789abcdef:mobile",),
    }
    assert load(GOOD).tokens_by_sender == {"server:default": ("0123456789abcdef",)}


def test_a_sender_has_two_tokens_while_one_is_replaced() -> None:
    new = "new-0123456789abcdef"
    settings = load({**GOOD, "INGEST_TOKEN": f"{new}, 0123456789abcdef", "INGEST_TOKENS": f"shop:{new}-1,shop:{new}-2"})
    assert settings.tokens_by_sender == {
        "server:default": (new, "0123456789abcdef"),
        "server:shop": (f"{new}-1", f"{new}-2"),
    }
    assert load({**GOOD, "OPERATOR_TOKEN": f"{new},{new}-1"}).operator_token == (new, f"{new}-1")


def test_an_empty_variable_is_not_set() -> None:
    assert load({**GOOD, "PORT": "", "ADMIN_CONSOLE_URL": " ", "LOG_LEVEL": "debug"}).port == 3000


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"SERVICE_URL": "https://status.example.com/"}, "https://status.example.com"),
        ({"SERVICE_URL": "http://10.0.0.1:8080/monitoring/"}, "http://10.0.0.1:8080/monitoring"),
        ({"RAILWAY_PUBLIC_DOMAIN": "a-1.up.railway.app"}, "https://a-1.up.railway.app"),
        ({"SERVICE_URL": "https://b.example", "RAILWAY_PUBLIC_DOMAIN": "a.up.railway.app"}, "https://b.example"),
    ],
)
def test_the_service_knows_its_address(environ: dict[str, str], url: str | None) -> None:
    assert load({**GOOD, **environ}).public_url == url


def test_named_tokens_suffice() -> None:
    without = {name: value for name, value in GOOD.items() if name != "INGEST_TOKEN"}
    named = load({**without, "INGEST_TOKENS": "api:0123456789abcdef,worker:fedcba9876543210"}).tokens_by_sender
    assert named == {"server:api": ("0123456789abcdef",), "server:worker": ("fedcba9876543210",)}
    with pytest.raises(SettingsError, match="INGEST_TOKEN is missing") as caught:
        load(without)
    assert len(caught.value.sentences) == 1


def test_everything_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load({})
    assert caught.value.sentences == [
        "SUPABASE_URL is missing.",
        "SUPABASE_PUBLISHABLE_KEY (or SUPABASE_ANON_KEY, its old name) is missing.",
        "SUPABASE_SECRET_KEY (or SUPABASE_SERVICE_ROLE_KEY, its old name) is missing.",
        "INGEST_TOKEN is missing.",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPABASE_URL", "my.supabase.co"),
        ("SUPABASE_URL", "ftp://abc.supabase.co"),
        ("SUPABASE_URL", "https://:443"),
        ("SUPABASE_URL", "https://abc.supabase.co/rest/v1"),
        ("SUPABASE_URL", "https://user:secret@abc.supabase.co"),
        ("SUPABASE_URL", "https://abc.supabase.co:port"),
        ("SUPABASE_URL", "https://[abc"),
        ("SUPABASE_URL", "https://abc supabase.co"),
        ("SUPABASE_URL", "https://abc.supabase\n.co"),
        ("SUPABASE_PUBLISHABLE_KEY", "with space"),
        ("SUPABASE_SECRET_KEY", "line\nbreak"),
        ("INGEST_TOKEN", "too-short"),
        ("INGEST_TOKEN", "ünïcödé-is-no-header-value"),
        ("SENTRY_WEBHOOK_TOKEN", "too-short"),
        ("SENTRY_WEBHOOK_TOKEN", "visible ASCII has no space"),
        ("INGEST_TOKENS", "shop"),
        ("INGEST_TOKENS", "shop:too-short"),
        ("INGEST_TOKENS", "Shop:0123456789abcdef-shop"),
        ("INGEST_TOKENS", ":0123456789abcdef-shop"),
        ("INGEST_TOKENS", "x" * 41 + ":0123456789abcdef-shop"),
        ("INGEST_TOKENS", "default:0123456789abcdef-shop"),
        ("INGEST_TOKENS", "shop:0123456789abcdef-shop,"),
        ("INGEST_TOKENS", "shop:0123456789abcdef-shop,shop:0123456789abcdef-shop"),
        ("INGEST_TOKEN", "0123456789abcdef,"),
        ("OPERATOR_TOKEN", "0123456789abcdef-new,too-short"),
        ("INGEST_TOKENS", "shop:0123456789abcdef-shop,cart:0123456789abcdef-shop"),
        ("INGEST_TOKENS", "shop:0123456789abcdef shop"),
        ("RESEND_WEBHOOK_SECRET", "A" * 40),  # without whsec_
        ("RESEND_WEBHOOK_SECRET", "whsec_" + "A" * 28),  # 21 bytes
        ("RESEND_WEBHOOK_SECRET", "whsec_" + "A" * 33),  # no base64
        ("RESEND_WEBHOOK_SECRET", "whsec_" + "é" * 32),
        ("RESEND_WEBHOOK_SECRET", "whsec_" + "A" * 32 + ",too-short"),
        ("POSTMARK_WEBHOOK_CREDENTIALS", "0123456789abcdef-without-user"),
        ("POSTMARK_WEBHOOK_CREDENTIALS", ":0123456789abcdef-password"),
        ("POSTMARK_WEBHOOK_CREDENTIALS", "postmark:too-short"),
        ("POSTMARK_WEBHOOK_CREDENTIALS", "postmark:ünïcödé-is-no-header-value"),
        ("PUBLIC_KEYS", "shop"),
        ("PUBLIC_KEYS", "0123456789abcdef_key"),
        ("PUBLIC_KEYS", "shop:too_short"),
        ("PUBLIC_KEYS", "shop:" + "x" * 65),
        ("PUBLIC_KEYS", "shop:0123456789abcdef-key"),  # no key of a DSN
        ("PUBLIC_KEYS", "Shop:0123456789abcdef_key"),
        ("PUBLIC_KEYS", "shop:0123456789abcdef_key,app:0123456789abcdef_key"),
        ("PUBLIC_KEYS", "shop:0123456789abcdef_key,"),
        ("ALERTMANAGER_KEY", "too-short"),
        ("GRAFANA_KEY", "0123456789abcdef grafana"),
        ("UPTIME_KUMA_KEY", "0123456789abcdef-kuma,"),
        ("GITHUB_KEY", "too-short"),
        ("GENERIC_KEYS", "vercel"),
        ("GENERIC_KEYS", "vercel:too-short"),
        ("GENERIC_KEYS", "vercel:0123456789abcdef-1,railway:0123456789abcdef-1"),
        ("ALLOWED_ORIGINS", "pages.example"),
        ("ALLOWED_ORIGINS", "https://shop.example,"),
        ("ALLOWED_ORIGINS", "https://*.shop.example/ x"),
        ("ADMIN_CONSOLE_URL", "*"),
        ("ADMIN_CONSOLE_URL", "https://a.example,,"),
        ("SERVICE_URL", "pages.example"),
        ("SERVICE_URL", "https://status.example.com/?a=1"),
        ("SERVICE_URL", "https://ann:secret@status.example.com"),
        ("RAILWAY_PUBLIC_DOMAIN", "https://status.example.com"),
        ("RAILWAY_PUBLIC_DOMAIN", "status.example.com/path"),
        ("RAILWAY_PUBLIC_DOMAIN", "-status.example.com"),
        ("RAILWAY_PUBLIC_DOMAIN", "localhost:3000"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "three"),
        ("PORT", "9" * 5000),
        ("PORT", "3_000"),
        ("PORT", "+3000"),
        ("PORT", "3000.0"),
        ("SPOOL_MAX_MB", "0"),
        ("SPOOL_MAX_MB", "1_0"),
        ("SPOOL_PATH", "/proc/version/spool"),
        ("SPOOL_PATH", "/" + "x" * 5000),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_malformed_variable_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, name: value})
    (sentence,) = caught.value.sentences
    assert re.match(rf"{name}( \(or [A-Z_]+, its old name\))? must ", sentence)
    assert value not in sentence


def variable_with(field: str, key: str) -> dict[str, str]:
    """The variable of a field, with this key in it."""
    named = ("ingest_tokens", "public_keys", "generic_keys", "postmark_webhook_credentials")
    return {field.upper(): f"shop:{key}" if field in named else key}


@pytest.mark.parametrize(("first", "second"), [*combinations(CREDENTIALS, 2)])
def test_no_two_senders_share_a_key(first: str, second: str) -> None:
    """Whoever has the key of the operator stops agents; that of a browser is public, that of a monitor is in a URL."""
    key = "key_0123456789abcdef"
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, **variable_with(first, key), **variable_with(second, key)})
    (sentence,) = caught.value.sentences
    name = second.upper()
    assert re.match(
        rf"{name}( \(or [A-Z_]+, its old name\))? contains a key that is also in {first.upper()}\. ", sentence
    )
    assert sentence.endswith("Each sender needs keys of its own: replace one of them.")
    assert key not in sentence


def test_every_secret_is_compared_with_the_others() -> None:
    """But Resend's, which signs and has a form of its own."""
    secret = {name for name, field in Settings.model_fields.items() if not field.repr}
    assert secret | {"public_keys"} == {*CREDENTIALS, "resend_webhook_secret"}
    assert [name for name in Settings.model_fields if name in CREDENTIALS] == list(CREDENTIALS)


@pytest.mark.parametrize("name", ["INGEST_TOKENS", "PUBLIC_KEYS", "GENERIC_KEYS"])
@pytest.mark.parametrize("value", ["shop=0123456789abcdef_1", "app:0123456789abcdef_1, shop=0123456789abcdef_2:x"])
def test_an_equals_sign_in_place_of_a_colon_is_named(name: str, value: str) -> None:
    """Earlier versions had such pairs in INGEST_TOKENS."""
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, name: value})
    assert caught.value.sentences == [f"{name} contains name=key. Write name:key, with a colon."]


def test_keys_of_pages_and_of_monitors_are_read() -> None:
    environ = {
        "PUBLIC_KEYS": "shop: 0123456789abcdef_1, app:0123456789abcdef_2, shop:0123456789abcdef_3",
        "GENERIC_KEYS": "vercel:0123456789abcdef-4,vercel:0123456789abcdef-5,railway:0123456789abcdef-6",
        "GRAFANA_KEY": "0123456789abcdef-7,0123456789abcdef-8",
        "ALLOWED_ORIGINS": "https://Shop.example:443/cart, http://localhost:5173",
        "ADMIN_CONSOLE_URL": "https://console.example",
    }
    settings = load({**GOOD, **environ})
    assert settings.public_keys == {
        "shop": ("0123456789abcdef_1", "0123456789abcdef_3"),
        "app": ("0123456789abcdef_2",),
    }
    assert settings.generic_keys == {
        "vercel": ("0123456789abcdef-4", "0123456789abcdef-5"),
        "railway": ("0123456789abcdef-6",),
    }
    assert settings.grafana_key == ("0123456789abcdef-7", "0123456789abcdef-8")
    assert settings.allowed_origins == ("https://shop.example", "http://localhost:5173")
    assert settings.public_origins == (*settings.allowed_origins, "https://console.example")
    assert load(GOOD).allowed_origins == ("*",)


def test_several_secrets_of_e_mail_providers_are_read() -> None:
    secrets = {"RESEND_WEBHOOK_SECRET": f"whsec_{'A' * 32}, whsec_{'B' * 32}"}
    settings = load({**GOOD, **secrets, "POSTMARK_WEBHOOK_CREDENTIALS": "old:0123456789abcde:,new:0123456789abcde/"})
    assert settings.resend_webhook_secret == (bytes(24), base64.b64decode("B" * 32))
    assert settings.postmark_webhook_credentials == ("old:0123456789abcde:", "new:0123456789abcde/")
    assert "0123456789abcde" not in repr(settings)


def test_the_old_names_of_the_keys_are_accepted() -> None:
    environ = {"SUPABASE_URL": GOOD["SUPABASE_URL"], "INGEST_TOKEN": GOOD["INGEST_TOKEN"]}
    legacy = {"SUPABASE_ANON_KEY": legacy_key("anon"), "SUPABASE_SERVICE_ROLE_KEY": legacy_key("service_role")}
    for blank in ({}, {"SUPABASE_PUBLISHABLE_KEY": "", "SUPABASE_SECRET_KEY": " "}):
        settings = load({**environ, **legacy, **blank})
        assert settings.supabase_publishable_key == legacy["SUPABASE_ANON_KEY"]
        assert settings.supabase_secret_key == legacy["SUPABASE_SERVICE_ROLE_KEY"]


def test_both_names_may_have_the_same_value() -> None:
    assert load({**GOOD, "SUPABASE_SERVICE_ROLE_KEY": GOOD["SUPABASE_SECRET_KEY"]}) == load(GOOD)


def test_each_name_may_have_the_key_that_it_is_named_after() -> None:
    """As .local/dev.env has: the keys of today are used."""
    legacy = {"SUPABASE_ANON_KEY": legacy_key("anon"), "SUPABASE_SERVICE_ROLE_KEY": legacy_key("service_role")}
    assert load({**GOOD, **legacy}) == load(GOOD)


@pytest.mark.parametrize(
    ("name", "old"),
    [("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"), ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY")],
)
@pytest.mark.parametrize("value", ["another-key", "sb_secret_another"])
def test_both_names_with_different_values_are_refused(name: str, old: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, old: value})
    assert caught.value.sentences == [
        f"{name} and {old} are both set, to different values. Remove {old}, the old name."
    ]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("SUPABASE_SECRET_KEY", "sb_publishable_x", "a publishable or anon key"),
        ("SUPABASE_SECRET_KEY", "anon", "a publishable or anon key"),
        ("SUPABASE_SERVICE_ROLE_KEY", "anon", "a publishable or anon key"),
        ("SUPABASE_SECRET_KEY", "authenticated", "a user's access token"),
        ("SUPABASE_PUBLISHABLE_KEY", "sb_secret_x", "a secret or service_role key"),
        ("SUPABASE_PUBLISHABLE_KEY", "service_role", "a secret or service_role key"),
        ("SUPABASE_ANON_KEY", "service_role", "a secret or service_role key"),
        ("SUPABASE_PUBLISHABLE_KEY", "authenticated", "a user's access token"),
    ],
)
def test_a_key_in_the_wrong_variable_is_named_without_its_value(name: str, value: str, kind: str) -> None:
    key = value if value.startswith("sb_") else legacy_key(value)
    old_name = {"SUPABASE_ANON_KEY": "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SERVICE_ROLE_KEY": "SUPABASE_SECRET_KEY"}
    others = {each: text for each, text in GOOD.items() if each != old_name.get(name)}
    with pytest.raises(SettingsError) as caught:
        load({**others, name: key})
    (sentence,) = caught.value.sentences
    assert sentence.startswith(old_name.get(name, name))
    assert f"contains {kind}. Set it to " in sentence
    assert key not in sentence


def test_a_key_in_the_wrong_variable_is_named_although_the_old_name_has_another_key() -> None:
    """As with the variables of .local/dev.env: without the old name, the key would still be the wrong one."""
    legacy = {"SUPABASE_ANON_KEY": legacy_key("anon"), "SUPABASE_SERVICE_ROLE_KEY": legacy_key("service_role")}
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, **legacy, "SUPABASE_SECRET_KEY": legacy["SUPABASE_ANON_KEY"]})
    (sentence,) = caught.value.sentences
    assert "contains a publishable or anon key. Set it to " in sentence


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(load({**GOOD, "INGEST_TOKENS": "shop:fedcba9876543210"}))
    assert not any(GOOD[name] in shown for name in GOOD if name != "SUPABASE_URL")
    assert "fedcba9876543210" not in shown


def test_the_process_ends_with_a_sentence_a_mistake_and_no_traceback() -> None:
    environ = {"PATH": os.environ["PATH"], **GOOD, "INGEST_TOKEN": "hunter2", "PORT": "x", "SUPABASE_URL": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "SUPABASE_URL is missing.",
        "INGEST_TOKEN must be at least 16 visible ASCII characters without spaces and commas, or several such tokens"
        " separated by commas.",
        "PORT must be a port from 1 to 65535.",
    ]


def test_the_example_names_every_variable_and_no_other() -> None:
    text = (PROJECT / ".env.example").read_text()
    named = re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_documents_every_variable() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    undocumented = [line for before, line in pairwise(lines) if "=" in line and not before.startswith("#")]
    assert undocumented == []


def test_names_are_exact() -> None:
    """Another program's `port` is not the service's."""
    assert load({**GOOD, "port": "1", "ingest_token": ""}).port == 3000


def test_rejected_settings_leave_no_spool_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "spool"
    load({**GOOD, "SPOOL_PATH": str(path)})
    assert not path.parent.exists()
