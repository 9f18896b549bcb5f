"""What a browser may do: sign in and out, carry its cookies, and never act for another site."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from escort.access import accounts, audit, links
from escort.access.models import Purpose, Role
from escort.cases.service import on_duty
from escort.errors import NotConfigured
from escort.web import csrf, policy, security
from escort.web.deps import House
from notifications.addresses import phone_of
from tests.escort.access.conftest import NOW, StillClock, small_app

GOOD = "四只小燕子 在 电线上 看雨下"
CROSS = {"sec-fetch-site": "cross-site"}


def an_account(house: House, role: Role = Role.COORDINATOR, login: str = "lin") -> int:
    with house.store.write() as session:
        account = accounts.create_account(
            session,
            login=login,
            name="林老师",
            role=role,
            password=GOOD,
            by="system",
            now=NOW,
            passwords=house.passwords,
            school_id=3 if role is Role.GATE else None,
        )
        return account.id or 0


def a_volunteer_link(house: House, subject: str = "volunteer:12") -> str:
    with house.store.write() as session:
        return links.issue_link(session, subject=subject, purpose=Purpose.VOLUNTEER, now=NOW)


def form_token(client: TestClient, path: str = "/sign-in") -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', client.get(path).text)
    assert found is not None
    return found[1]


def sign_in(client: TestClient, login: str = "lin", password: str = GOOD, asked: str = "") -> Response:
    token = form_token(client)
    return client.post(
        "/sign-in", data={"login": login, "password": password, "csrf_token": token, "next": asked}
    )


def own_token(client: TestClient, cookie: str = "dj_office") -> str:
    return csrf.token_for(client.cookies[cookie])


def test_without_a_sign_in_a_page_leads_to_the_form(client: TestClient) -> None:
    answer = client.get("/today?week=2021-04-05")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/today%3Fweek%3D2021-04-05"


def test_a_coordinator_signs_in_and_reads(house: House, client: TestClient) -> None:
    number = an_account(house)

    answer = sign_in(client, asked="/today?week=2021-04-05")

    assert answer.headers["location"] == "/today?week=2021-04-05"
    assert client.get("/today").json() == {"me": f"account:{number}"}


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/gate"]
)
def test_signing_in_never_leads_to_another_site(house: House, client: TestClient, elsewhere: str) -> None:
    an_account(house)

    assert sign_in(client, asked=elsewhere).headers["location"] == "/today"


def test_a_wrong_password_keeps_the_login_and_says_one_sentence(house: House, client: TestClient) -> None:
    an_account(house)

    answer = sign_in(client, password="wrong")

    assert answer.status_code == 401
    assert "登录名或密码不对" in answer.text
    assert 'value="lin"' in answer.text


def test_the_secret_changes_with_every_sign_in_and_the_old_one_ends(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)
    old = client.cookies["dj_office"]

    sign_in(client)

    assert client.cookies["dj_office"] != old
    thief = TestClient(client.app, follow_redirects=False, cookies={"dj_office": old})
    assert thief.get("/today").status_code == 303


def test_a_cookie_that_somebody_planted_is_not_taken_over(house: House, client: TestClient) -> None:
    an_account(house)
    client.cookies.set("dj_office", "planted")

    sign_in(client)

    assert [cookie.value for cookie in client.cookies.jar if cookie.name == "dj_office"] != ["planted"]


def test_cookies_are_out_of_reach_of_scripts_and_other_hosts(house: House) -> None:
    an_account(house)
    settings = house.settings.model_copy(update={"base_url": "https://dujuan.example"})
    secure = House(
        house.store,
        settings,
        house.clock,
        house.zone,
        False,
        real_now=house.real_now,
        passwords=house.passwords,
    )
    client = TestClient(small_app(secure), base_url="https://dujuan.example", follow_redirects=False)

    answer = sign_in(client)

    cookies = [line for line in answer.headers.get_list("set-cookie") if "dj_office" in line]
    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-dj_office=")
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=43200"):
        assert word in cookies[0]
    assert "domain" not in cookies[0].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_thirty_idle_minutes_sign_a_coordinator_out(
    house: House, client: TestClient, clock: StillClock
) -> None:
    an_account(house)
    sign_in(client)
    for _ in range(3):
        clock.forward(timedelta(minutes=29))
        assert client.get("/today").status_code == 200

    clock.forward(timedelta(minutes=30))

    assert client.get("/today").status_code == 303


def test_noting_that_somebody_is_active_never_waits_for_his_own_change(
    house: House, client: TestClient, clock: StillClock
) -> None:
    an_account(house)
    sign_in(client)
    for _ in range(2):
        clock.forward(timedelta(minutes=20))
        assert client.post("/cases/5/take", data={"csrf_token": own_token(client)}).status_code == 200


def test_signing_out_ends_the_sign_in_and_empties_the_browser(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)
    old = client.cookies["dj_office"]

    answer = client.post("/sign-out", data={"csrf_token": own_token(client)})

    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    thief = TestClient(client.app, follow_redirects=False, cookies={"dj_office": old})
    assert thief.get("/today").status_code == 303


def test_signing_out_everywhere_ends_the_other_browser_too(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)
    other = TestClient(client.app, follow_redirects=False)
    sign_in(other)

    client.post("/sign-out", data={"csrf_token": own_token(client), "everywhere": "true"})

    assert other.get("/today").status_code == 303


def test_a_coordinator_and_a_gate_may_share_one_browser(house: House, client: TestClient) -> None:
    an_account(house)
    an_account(house, Role.GATE, "gate")
    sign_in(client)
    sign_in(client, login="gate")

    assert client.get("/today").status_code == 200
    assert client.get("/gate").json() == {"school": 3}


def test_a_gates_secret_opens_no_office(house: House, client: TestClient) -> None:
    an_account(house, Role.GATE, "gate")
    sign_in(client, login="gate")
    client.cookies.set("dj_office", client.cookies["dj_gate"])

    assert client.get("/today").status_code == 403


# headers, with the form's token, what the answer is
FROM_ELSEWHERE: list[tuple[dict[str, str], bool, int]] = [
    ({}, True, 200),  # an old WebView: the token decides
    ({}, False, 403),
    ({"origin": "null"}, True, 200),  # what Referrer-Policy makes browsers send
    ({"origin": "null"}, False, 403),
    ({"sec-fetch-site": "same-origin", "origin": "null"}, True, 200),
    ({"sec-fetch-site": "same-origin"}, False, 403),
    (CROSS, True, 403),
    ({"sec-fetch-site": "same-site"}, True, 403),
    ({"origin": "http://testserver"}, True, 200),
    ({"origin": "http://127.0.0.1:8000"}, True, 200),  # DUJUAN_BASE_URL, behind a proxy
    ({"origin": "http://evil.example"}, True, 403),
    ({"origin": "http://testserver:81"}, True, 403),
    (
        {"content-type": "application/json", "sec-fetch-site": "same-origin"},
        False,
        200,
    ),  # a script of ours
    ({"content-type": "application/json"}, False, 403),
    ({"content-type": "application/json"} | CROSS, False, 403),
    ({"content-type": "text/plain", "sec-fetch-site": "same-origin"}, False, 403),
]


def test_no_other_site_acts_for_the_coordinator(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)

    for headers, with_token, status in FROM_ELSEWHERE:
        data = {"csrf_token": own_token(client)} if with_token else None
        answer = client.post("/cases/5/take", data=data, headers=headers)
        assert answer.status_code == status, (headers, with_token)


def test_a_token_in_the_header_serves_a_script(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)

    assert client.post("/cases/5/take", headers={"x-csrf-token": own_token(client)}).status_code == 200


def test_the_form_of_one_browser_does_not_sign_another_in(house: House, client: TestClient) -> None:
    an_account(house)
    stranger = TestClient(client.app, follow_redirects=False)
    token = form_token(stranger)

    answer = client.post("/sign-in", data={"login": "lin", "password": GOOD, "csrf_token": token})

    assert answer.status_code == 403


def test_opening_a_link_changes_nothing_and_shows_an_unbound_phone(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)

    assert client.get(f"/v/{token}").json() == {"id": 12, "bound": False}
    assert client.get(f"/v/{token}").json() == {"id": 12, "bound": False}


def test_a_tap_binds_this_phone_for_this_person_only(house: House, client: TestClient) -> None:
    token, other = a_volunteer_link(house), a_volunteer_link(house, "volunteer:13")
    client.post(f"/v/{token}/bind")

    assert client.get(f"/v/{token}").json()["bound"] is True
    assert client.get(f"/v/{other}").json()["bound"] is False


def test_a_forwarded_link_needs_the_code_from_the_registered_number(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)
    client.post(f"/v/{token}/bind")
    second = TestClient(client.app)
    code = second.post(f"/v/{token}/bind").json()["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    assert second.post(f"/v/{token}/code", data={"code": wrong}).json()["outcome"] == "wrong"
    assert second.get(f"/v/{token}").json()["bound"] is False
    assert second.post(f"/v/{token}/code", data={"code": code}).json()["outcome"] == "right"
    assert second.get(f"/v/{token}").json()["bound"] is True


def test_two_people_on_one_phone_are_both_bound(house: House, client: TestClient) -> None:
    token, other = a_volunteer_link(house), a_volunteer_link(house, "volunteer:13")
    client.post(f"/v/{token}/bind")
    client.post(f"/v/{other}/bind")

    assert client.get(f"/v/{token}").json()["bound"] is True
    assert client.get(f"/v/{other}").json()["bound"] is True


def test_no_other_site_taps_for_a_volunteer(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)

    assert client.post(f"/v/{token}/bind", headers=CROSS).status_code == 403


def test_a_family_link_opens_no_volunteers_page(house: House, client: TestClient) -> None:
    with house.store.write() as session:
        token = links.issue_link(session, subject="guardian:12", purpose=Purpose.FAMILY, now=NOW)

    assert client.get(f"/v/{token}").status_code == 404


def test_suspension_is_felt_with_the_next_request(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)
    client.post(f"/v/{token}/bind")
    with house.store.write() as session:
        links.revoke_all(session, "volunteer:12", NOW)

    assert client.get(f"/v/{token}").status_code == 404


def test_a_page_that_shows_bold_fields_leaves_one_line(house: House, client: TestClient) -> None:
    number = an_account(house)
    sign_in(client)

    answer = client.get("/today")

    with house.store.read() as session:
        reads = [line for line in audit.trail(session) if line.action == "read"]
    assert len(reads) == 1
    assert (reads[0].actor, reads[0].subject) == (f"account:{number}", "child:5")
    assert reads[0].fields == ["child:5.full_name", "child:5.photo"]
    assert reads[0].request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("token", "status"), [("provider-secret", 200), ("guess", 404), ("provider-secreT", 404)]
)
def test_only_the_provider_finds_the_callbacks(client: TestClient, token: str, status: int) -> None:
    assert client.post(f"/callbacks/{token}/reply").status_code == status


def test_a_real_store_has_no_demonstration_pages(client: TestClient) -> None:
    assert client.get("/demo/phones").status_code == 404


def test_the_first_coordinator_sets_himself_up(house: House, client: TestClient) -> None:
    with house.store.write() as session:
        token = accounts.issue_setup_link(session, now=NOW)
    posted = {"login": "lin", "name": "林老师", "csrf_token": form_token(client, f"/setup/{token}")}

    posted |= {"phone": "199 0000 0009"}

    weak = client.post(f"/setup/{token}", data=posted | {"password": "short"})
    unreachable = client.post(f"/setup/{token}", data=posted | {"password": GOOD, "phone": "028 8888"})
    done = client.post(f"/setup/{token}", data=posted | {"password": GOOD})
    again = client.get(f"/setup/{token}")

    answers = (weak, unreachable, done, again)
    assert [answer.status_code for answer in answers] == [400, 400, 303, 404]
    assert "至少要 15 个字" in weak.text
    assert "028 8888" in unreachable.text, "what was typed stands in the form"
    assert client.get("/today").status_code == 200


def test_the_first_coordinator_is_on_duty_at_the_number_he_gave(house: House, client: TestClient) -> None:
    with house.store.write() as session:
        token = accounts.issue_setup_link(session, now=NOW)
    posted = {"login": "lin", "name": "林老师", "csrf_token": form_token(client, f"/setup/{token}")}

    client.post(f"/setup/{token}", data=posted | {"password": GOOD, "phone": "１９９-0000 0009"})

    with house.store.read() as session:
        assert on_duty(session, NOW, house.zone) == 1
        assert phone_of(session, "account:1") == "+8619900000009"


@pytest.mark.parametrize("path", ["/sign-in", "/today", "/nowhere", "/broken", "/v/unknown"])
def test_every_answer_carries_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"].startswith("noindex")
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


def test_what_breaks_shows_the_duty_number_and_a_reference_and_nothing_else(
    house: House, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/broken")

    assert answer.status_code == 500
    assert house.settings.duty_phone in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "小雨" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "小雨" not in caplog.text
    assert "7998" not in caplog.text


def test_the_log_of_an_error_in_a_demonstration_is_short_and_holds_no_local_values(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI(**security.LIMITS)
    app.state.house = replace(house, is_demo=True)

    @app.get("/broken")
    def broken() -> None:
        kept_in_a_local = "csrf-" + "token"
        many = [kept_in_a_local] * 50_000
        raise RuntimeError(f"{len(many)} are too many")

    security.install(app, app.state.house)

    answer = TestClient(app).get("/broken")

    assert answer.status_code == 500
    assert "50000 are too many" in caplog.text  # there, everybody is invented
    assert "csrf-token" not in caplog.text
    assert len(caplog.text.splitlines()) < 120


def test_a_malformed_form_is_422_and_does_not_repeat_what_was_typed(client: TestClient) -> None:
    token = form_token(client)

    answer = client.post(
        "/sign-in", data={"login": "x" * 300, "csrf_token": token, "is_admin": "199 0000 7998"}
    )

    assert answer.status_code == 422
    assert "7998" not in answer.text


def test_a_script_gets_its_error_as_json(client: TestClient) -> None:
    answer = client.get("/v/unknown", headers={"accept": "application/json"})

    assert answer.json()["error"] == links.OVER


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_without_end_is_refused(client: TestClient, is_chunked: bool) -> None:
    body = b"login=" + b"x" * 400_000
    content = iter([body[:100_000], body[100_000:]]) if is_chunked else body

    answer = client.post(
        "/sign-in", content=content, headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == 413
    assert "文件太大" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_address_that_cannot_be_ours_is_404(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)

    answer = client.post("/cases/nonsense/take", data={"csrf_token": own_token(client)})

    assert answer.status_code == 404


def test_a_route_without_a_reader_keeps_the_house_from_starting(house: House) -> None:
    app = FastAPI(openapi_url=None)
    outer, inner = APIRouter(prefix="/outer"), APIRouter(prefix="/inner")

    @inner.get("/silent")
    def silent() -> None: ...

    outer.include_router(inner)
    app.include_router(outer)

    with pytest.raises(NotConfigured, match="GET /outer/inner/silent"):
        policy.check_declared(app)


def test_a_reader_may_be_declared_for_a_whole_router(house: House) -> None:
    app = FastAPI(openapi_url=None)
    router = APIRouter()

    @router.get("/probe")
    def probe() -> None: ...

    app.include_router(router, prefix="/ops", dependencies=[policy.public("probes of the machine")])

    policy.check_declared(app)
    assert policy.declared_routes(app)[0].readers == ("public",)
